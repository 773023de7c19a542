"""Gains with the ratios that were put in: the winner from other repeats, stock layers and what stands for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.profiles import get_profile
from tests.tables import TIMING, arm, quick_table
from zoo import Execution
from zoo.bench.plan import Selection, timed_cases
from zoo.charts.arms import every_arm, has_peers
from zoo.measuring import runners
from zoo.measuring.case import Case
from zoo.measuring.rows import Measurement
from zoo.report.gains import gain_texts
from zoo.statistics.gains import BELOW_FLOOR, TOO_FEW, arms, gains
from zoo.statistics.ratios import ratios
from zoo.statistics.stock import stand_in
from zoo.statistics.summary import summary
from zoo.statistics.tables import as_table

pytestmark = pytest.mark.usefixtures("python_texts")

TORCH = replace(TIMING, backend="torch", trainer_floor_seconds=0.002, limit_seconds=0.001, chain_limit_seconds=0.002)
NATIVE = replace(TORCH, runner="torch", trainer_floor_seconds=0.001)
ORT = replace(TIMING, runner="onnxruntime", phase="predict", step_seconds=0.002)
PREDICTS = replace(TIMING, phase="predict")
JAX = replace(TIMING, backend="jax")
KERNEL = "fused kernel against bare torch, floors off"
RUNTIME = "ONNX Runtime against the fastest Keras on TensorFlow"
OVER_STOCK = "fused against stock Keras on torch"
BEST = "the zoo's best against the best of stock"


def table() -> pd.DataFrame:
    torch = [
        *arm("looped", [1, 2, 3], TORCH),
        *arm("fused", [0.5, 1.0, 1.5], TORCH),
        *arm("native", [0.5, 1, 1.5], NATIVE),
    ]
    tensorflow = [*arm("looped", [1, 1, 1]), *arm("unrolled", [0.8, 0.8, 0.8])]
    predicts = [
        *arm("looped", [2, 2, 2], PREDICTS),
        *arm("unrolled", [1, 1, 1], PREDICTS),
        *arm("native", [1, 1, 1], ORT),
    ]
    return as_table([*torch, *tensorflow, *predicts])


def gain(rows: Iterable[Measurement], comparison: str) -> pd.Series:
    """The one row of a comparison."""
    (row,) = (row for _, row in gains(as_table(list(rows))).iterrows() if row["comparison"] == comparison)
    return row


def compared(rows: Iterable[Measurement]) -> set[str]:
    return set(gains(as_table(list(rows)))["comparison"])


def test_gains_are_those_that_were_put_in() -> None:
    runtime = gains(table()).set_index("comparison").loc[RUNTIME]
    assert runtime["gain"] == pytest.approx(5)
    assert runtime["theirs"] == "tensorflow unrolled"


def test_the_floor_of_each_side_is_taken_off_and_the_interval_is_that_of_a_t_test() -> None:
    row = gains(table()).set_index("comparison").loc[KERNEL]
    logs = [np.log((0.005 * r - 0.001) / (0.005 * r - 0.002)) for r in (1, 2, 3)]
    interval = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert row["gain"] == pytest.approx(np.exp(np.mean(logs)))
    assert (row["low"], row["high"]) == pytest.approx((np.exp(interval.low), np.exp(interval.high)))
    assert (row["ours_step_seconds"], row["theirs_step_seconds"]) == pytest.approx((0.010, 0.010))
    assert (row["ours_floor_seconds"], row["theirs_floor_seconds"]) == (0.002, 0.001)


def test_a_winner_is_picked_from_other_repeats_than_the_one_that_tells_its_gain() -> None:
    """Two arms that are equal on average: the luck of each repeat is no gain over the third, which is as fast."""
    lucky = [0.5, 2.0, 0.5, 2.0]
    theirs = [*arm("unrolled", lucky, PREDICTS), *arm("looped", [1 / factor for factor in lucky], PREDICTS)]
    row = gain([*theirs, *arm("native", [5.0] * 4, ORT)], RUNTIME)
    # Of the other three repeats the arm that lost here was lucky in two: it is chosen, and loses.
    assert row["gain"] == pytest.approx(2.0)
    assert set(row["theirs"].split(" or ")) == {"tensorflow unrolled", "tensorflow looped"}


@pytest.mark.parametrize("seed", range(3))
def test_of_many_equal_arms_the_fastest_gains_nothing(seed: int) -> None:
    """Eight arms drawn from one law against one of the same law: picked in the same repeats, they would gain 2%."""
    random = np.random.default_rng(seed)
    rows = arm("native", np.exp(random.normal(0, 0.1, 60)), replace(ORT, step_seconds=0.010))
    for loop, jit in [("looped", False), ("looped", True), ("unrolled", False), ("unrolled", True)]:
        rows += arm(loop, np.exp(random.normal(0, 0.1, 60)), replace(PREDICTS, jit=jit))
    row = gain(rows, RUNTIME)
    assert row["low"] < 1 < row["high"]


def test_one_repeat_cannot_choose_and_gives_no_gain() -> None:
    rows = [*arm("fused", [0.5], TORCH), *arm("native", [0.5], NATIVE)]
    row = gain(rows, KERNEL)
    assert (row["problem"], row["repeats"]) == (TOO_FEW, 1)
    assert np.isnan(row["gain"])
    assert gain_texts(as_table(rows))["A is times as fast"].tolist() == [TOO_FEW]
    assert not gain([*rows, *arm("fused", [0.5, 0.5], TORCH), *arm("native", [0.5, 0.5], NATIVE)], KERNEL)["problem"]


def test_a_time_that_is_all_floor_gives_no_gain_and_the_table_says_so() -> None:
    fast = replace(TORCH, step_seconds=0.0015)  # less than its floor of 2 ms
    rows = [*arm("fused", [1, 1, 1], fast), *arm("native", [1, 1, 1], NATIVE)]
    row = gain(rows, KERNEL)
    assert (row["problem"], row["ours"]) == (BELOW_FLOOR, "torch fused")
    assert np.isnan(row["gain"])
    assert gain_texts(as_table(rows))["A is times as fast"].tolist() == [BELOW_FLOOR]
    train = arms(as_table(rows)).set_index("execution")
    assert train["net_seconds"].to_dict() == pytest.approx({"fused": -0.0005, "torch-native": 0.009})
    assert np.isnan(train.loc["fused", "net_of_limit"])


# stock


STOCK = replace(TORCH, step_seconds=0.020)


@pytest.mark.parametrize(
    ("loop", "backend", "device", "expected"),
    [
        ("stock", "tensorflow", "cpu", "looped"),
        ("stock-unrolled", "tensorflow", "cpu", "unrolled"),
        ("stock", "tensorflow", "gpu", "stock"),
        ("stock", "jax", "cpu", "stock"),
        ("stock", "torch", "cpu", "stock"),
        ("stock-unrolled", "torch", "cpu", "stock-unrolled"),
        ("stock-unrolled", "torch", "gpu", "stock-unrolled"),
        ("looped", "torch", "cpu", "looped"),
    ],
)
def test_what_stands_for_a_stock_layer_is_the_arm_of_the_same_program(loop, backend, device, expected) -> None:
    assert stand_in(loop, backend, device) == expected


def test_ratios_over_stock_are_over_the_layer_whatever_the_jit() -> None:
    jitted = replace(TORCH, jit=True)
    rows = [*arm("stock", [2.0] * 3, TORCH), *arm("looped", [4.0] * 3, TORCH), *arm("fused", [0.5] * 3, TORCH)]
    rows += [*arm("looped", [1.0] * 3, jitted), *arm("fused", [0.5] * 3, jitted)]
    result = ratios(as_table(rows), baseline="stock").query("quantity == 'step_seconds'").set_index("execution")
    assert set(result["baseline"]) == {"stock"}
    assert result["ratio"].to_dict() == pytest.approx(
        {"looped": 2.0, "fused": 0.25, "looped+jit": 0.5, "fused+jit": 0.25}
    )
    usual = ratios(as_table(rows)).query("quantity == 'step_seconds'").set_index("execution")["ratio"]
    assert usual[["stock", "fused"]].tolist() == pytest.approx([0.5, 0.125])


def test_a_stock_layer_is_held_against_the_loop_with_the_jit_that_keras_gives_it() -> None:
    """On JAX Keras compiles it, whatever its row says; the loop without jit takes forty times as long."""
    jitted = replace(JAX, jit=True)
    rows = [*arm("stock", [0.9] * 3, JAX), *arm("looped", [40.0] * 3, JAX), *arm("looped", [1.0] * 3, jitted)]
    result = ratios(as_table(rows)).query("quantity == 'step_seconds'").set_index("execution")
    assert result.loc["stock", "baseline"] == "looped+jit"
    assert result.loc["stock", "ratio"] == pytest.approx(0.9)


def test_on_tensorflow_and_a_cpu_the_loop_stands_for_stock_where_keras_has_such_a_layer() -> None:
    jitted = replace(TIMING, jit=True)
    rows = [*arm("looped", [1.0] * 3), *arm("unrolled", [0.5] * 3)]
    rows += [*arm("looped", [0.8] * 3, jitted), *arm("unrolled", [0.4] * 3, jitted)]
    rows += [replace(row, entry="peephole_lstm", cell="peephole_lstm") for row in rows]
    rows += [*arm("looped", [1.0] * 3, JAX), *arm("unrolled", [0.5] * 3, JAX)]  # no stock layer was measured there
    result = ratios(as_table(rows), baseline="stock").query("quantity == 'step_seconds'")
    assert set(zip(result["entry"], result["backend"], strict=True)) == {("lstm", "tensorflow")}
    assert set(result["baseline"]) == {"looped"}
    actual = result.set_index("execution")["ratio"].to_dict()
    assert actual == pytest.approx({"unrolled": 0.5, "looped+jit": 0.8, "unrolled+jit": 0.4})


def test_the_fused_kernel_is_held_against_the_stock_layer_of_torch() -> None:
    rows = []
    for phase, factor in (("train", 0.25), ("predict", 0.5)):
        rows += arm("stock", [1, 1, 1], replace(STOCK, phase=phase))
        rows += arm("looped", [9, 9, 9], replace(STOCK, phase=phase))
        rows += arm("fused", [factor] * 3, replace(STOCK, phase=phase))
    result = gains(as_table(rows)).query("comparison == @OVER_STOCK").set_index("phase")
    assert result["gain"].to_dict() == pytest.approx({"train": 4, "predict": 2})
    assert set(result["theirs"]) == {"torch stock"}
    assert OVER_STOCK in gain_texts(as_table(rows))["A against B"].tolist()


def test_the_best_of_the_zoo_is_held_against_the_best_of_stock_on_any_backend() -> None:
    tensorflow = [*arm("looped", [1.0] * 3), *arm("unrolled", [0.9] * 3), *arm("fused", [0.3] * 3)]
    torch = [*arm("stock", [0.4] * 3, STOCK), *arm("fused", [0.2] * 3, STOCK)]
    row = gain([*tensorflow, *torch], BEST)
    assert (row["ours"], row["theirs"]) == ("tensorflow fused", "torch stock")
    assert row["gain"] == pytest.approx(0.008 / 0.003)


def test_what_stands_for_stock_is_never_ours() -> None:
    """On TensorFlow looped and unrolled are the stock layers: compared with themselves they would gain 1.00."""
    rows = [*arm("looped", [1.0] * 3), *arm("unrolled", [0.9] * 3), *arm("stock", [3.0] * 3, TORCH)]
    assert BEST not in compared(rows)
    slower = gain([*rows, *arm("chunked", [1.8] * 3, replace(TIMING, chunk=4))], BEST)
    assert (slower["ours"], slower["theirs"]) == ("tensorflow chunked-4", "tensorflow unrolled")
    assert slower["gain"] == pytest.approx(0.5)


def test_arms_that_did_not_take_turns_are_not_held_against_each_other() -> None:
    tensorflow = [*arm("looped", [1.0] * 3), *arm("chunked", [0.5] * 3, replace(TIMING, chunk=4))]
    torch = [*arm("stock", [1.0] * 3, TORCH), *arm("fused", [0.2] * 3, TORCH)]
    assert {OVER_STOCK, BEST} <= compared([*tensorflow, *torch])
    apart = [replace(row, group="of torch") for row in torch]
    assert OVER_STOCK in compared([*tensorflow, *apart])
    assert BEST not in compared([*tensorflow, *apart])  # a backend alone has no best of any


def test_without_the_stock_layer_of_a_backend_nothing_is_claimed_over_stock() -> None:
    tensorflow = [*arm("looped", [1.0] * 3), *arm("fused", [0.3] * 3)]
    torch = [*arm("looped", [1.0] * 3, TORCH), *arm("fused", [0.2] * 3, TORCH)]
    assert not {OVER_STOCK, BEST} & compared([*tensorflow, *torch])
    assert {OVER_STOCK, BEST} <= compared([*tensorflow, *torch, *arm("stock", [1.0] * 3, TORCH)])


def test_the_summary_gives_the_ratio_over_stock_beside_that_over_looped() -> None:
    rows = [*arm("stock", [2.0] * 3, TORCH), *arm("looped", [4.0] * 3, TORCH), *arm("fused", [0.5] * 3, TORCH)]
    result = summary(as_table(rows)).set_index("execution")
    assert result["train_ratio"].drop("looped").to_dict() == pytest.approx({"stock": 0.5, "fused": 0.125})
    assert result["stock_ratio"].drop("stock").to_dict() == pytest.approx({"looped": 2.0, "fused": 0.25})


# arms and chart


def test_an_arm_on_a_cpu_and_on_a_gpu_is_two_arms() -> None:
    rows = [*arm("fused", [1.0] * 3, TORCH), *arm("fused", [0.1] * 3, replace(TORCH, device="gpu"))]
    found = arms(as_table(rows)).set_index("device")["step_seconds"]
    assert found["gpu"] == pytest.approx(0.1 * found["cpu"])


def test_the_arms_of_a_size_stand_with_their_share_of_the_limit() -> None:
    of_torch = arms(table()).query("backend == 'torch' and phase == 'train'").set_index("execution")
    assert len(arms(table()).query("phase == 'train'")) == 5
    columns = ["step_seconds", "net_seconds", "of_limit", "of_chain_limit"]
    assert of_torch.loc["fused", columns].tolist() == pytest.approx([0.010, 0.008, 0.1, 0.2])


def test_the_chart_has_a_panel_a_phase() -> None:
    assert has_peers(table())
    assert not has_peers(quick_table())
    figure = every_arm(table())
    assert [len(axes.get_yticks()) for axes in figure.axes] == [5, 3]
    assert not every_arm(quick_table()).axes


def test_the_chart_of_peers_that_only_predict_has_an_empty_panel_and_no_warning() -> None:
    figure = every_arm(as_table(arm("native", [1, 1, 1], ORT)))
    assert sorted(len(axes.get_yticks()) for axes in figure.axes) == [0, 1]


# the profile


def test_every_peer_is_of_its_own_backend_and_predicts_or_trains() -> None:
    cases = timed_cases(get_profile("peers"), Selection(backends=("tensorflow", "jax", "torch")))
    where = {(case.runner, case.backend) for case in cases if case.runner != "keras"}
    assert where == {("legacy", "tensorflow"), ("onnxruntime", "tensorflow"), ("torch", "torch"), ("jax", "jax")}
    assert {case.phases for case in cases if case.runner == "onnxruntime"} == {("predict",)}


@pytest.mark.parametrize(("backend", "native"), [("torch", "torch-native"), ("jax", "jax-scan+jit")])
def test_at_every_size_of_the_peers_a_backend_has_its_loop_and_its_bare_peer(backend: str, native: str) -> None:
    cases = timed_cases(get_profile("peers"), Selection(backends=(backend,)))
    arms: dict[Case, set[str]] = {}
    for case in cases:
        arms.setdefault(replace(case, execution=Execution()), set()).add(case.arm)
    assert len(arms) >= 6
    assert all({native, "looped+jit" if backend == "jax" else "looped"} <= names for names in arms.values())


WRONG = {
    "bare torch is measured for entry simple_rnn, lstm, gru, not peephole_lstm": {"entry": "peephole_lstm"},
    "bare torch is measured for masked none, not full": {"masked": "full"},
    "bare torch is measured on vectors, with mse or one class an example, not on reber": {"task": "reber"},
    "bare torch is measured on vectors, with mse or one class an example, not on copying": {"task": "copying"},
}


@pytest.mark.parametrize("reason", WRONG)
def test_a_case_that_a_peer_has_not_says_why(reason: str) -> None:
    case = Case("lstm", "wave", Execution("native", runner="torch"), "torch", "cpu", 50, 20, 1, 100)
    assert runners.load("torch").unsupported(replace(case, **WRONG[reason])) == reason


def test_gains_of_two_machines_say_which_is_whose() -> None:
    rows = [*arm("stock", [1.0] * 3, TORCH), *arm("fused", [0.5] * 3, TORCH)]
    other = [replace(row, device_name="other", run="run-2", step_seconds=2 * row.step_seconds) for row in rows]
    texts = gain_texts(as_table([*rows, *other]))
    assert texts["device_name"].tolist() == [TIMING.device_name, "other"]
    assert "device_name" not in gain_texts(as_table(rows))
