"""What is said of the peers: gains with the ratios that were put in, paired by repeat, the fastest arm of each side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.plan import Selection, timed_cases
from benchmarks.profiles import get_profile
from tests.tables import TIMING, arm, quick_table
from zoo import Execution
from zoo.charts.peers import has_peers, peers
from zoo.execution import NAMED
from zoo.measuring.case import Case, skip_reason
from zoo.report.peers import peer_sections
from zoo.statistics.peers import comparisons
from zoo.statistics.tables import as_table

TORCH = replace(TIMING, backend="torch", trainer_floor_seconds=0.002, limit_seconds=0.001, chain_limit_seconds=0.002)
NATIVE = replace(TORCH, runner="torch", trainer_floor_seconds=0.001)
ORT = replace(TIMING, runner="onnxruntime", phase="predict", step_seconds=0.002)
PREDICTS = replace(TIMING, phase="predict")


def table():
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


def test_gains_are_those_that_were_put_in() -> None:
    found = comparisons(table()).set_index("comparison")
    runtime = found.loc["ONNX Runtime over the fastest Keras on TensorFlow"]
    assert runtime["gain"] == pytest.approx(5)
    assert runtime["theirs"] == "tensorflow unrolled"


def test_the_floor_of_each_side_is_taken_off() -> None:
    found = comparisons(table()).set_index("comparison").loc["fused kernel over bare torch, floors off"]
    ratios = [(0.005 * r - 0.001) / (0.005 * r - 0.002) for r in (1, 2, 3)]
    assert found["gain"] == pytest.approx((ratios[0] * ratios[1] * ratios[2]) ** (1 / 3))


def test_the_sections_hold_every_arm_and_its_share_of_the_limit() -> None:
    first, *others = peer_sections(table())
    assert first.title == "How many times as fast"
    of_torch = next(each for each in others if each.title.endswith("train, fastest first")).texts
    assert len(of_torch) == 5
    fused = of_torch[(of_torch["backend"] == "torch") & (of_torch["execution"] == "fused")].iloc[0]
    assert (fused["ms"], fused["less floor ms"], fused["of limit"], fused["of chain"]) == (
        "10.0",
        "8.00",
        "0.100",
        "0.200",
    )
    assert not list(peer_sections(quick_table()))


def test_the_chart_has_a_panel_a_size_and_phase() -> None:
    assert has_peers(table())
    assert not has_peers(quick_table())
    figure = peers(table())
    assert [len(axes.get_yticks()) for axes in figure.axes] == [5, 3]
    assert not peers(quick_table()).axes


def test_every_peer_is_of_its_own_backend_and_predicts_or_trains() -> None:
    cases = timed_cases(get_profile("peers"), Selection(backends=("tensorflow", "jax", "torch")))
    where = {(case.runner, case.backend) for case in cases if case.runner != "keras"}
    assert where == {("legacy", "tensorflow"), ("onnxruntime", "tensorflow"), ("torch", "torch"), ("jax", "jax")}
    assert {case.phases for case in cases if case.runner == "onnxruntime"} == {("predict",)}
    shown = {case.arm for case in cases}
    assert {name for name, execution in NAMED.items() if execution.runner != "keras"} - shown == {"legacy-dynamic+swap"}
    assert {"stock", "stock-unrolled", "looped", "unrolled", "fused", "chunked-auto"} <= shown


WRONG = {
    "bare torch is measured for entry simple_rnn, lstm, gru, not peephole_lstm": {"entry": "peephole_lstm"},
    "bare torch is measured for masked none, not full": {"masked": "full"},
    "bare torch is measured on vectors, with softmax or mse, not on reber": {"task": "reber"},
}


@pytest.mark.parametrize("reason", WRONG)
def test_a_case_that_a_peer_has_not_says_why(reason: str) -> None:
    case = Case("lstm", "wave", Execution("native", runner="torch"), "torch", "cpu", 50, 20, 1, 100)
    assert skip_reason(replace(case, **WRONG[reason])) == reason
