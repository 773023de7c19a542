"""Every chart draws every kind of table and says where it was measured; the report has a table for each result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from tests.tables import FAILURE, SCORE, TIMING, arm, empty_table, failures_table, pair, quick_rows, quick_table
from zoo import EXECUTIONS, TASKS
from zoo.charts.figures import GREY, LOOK, look
from zoo.charts.gallery import CHARTS, draw_all
from zoo.report.costs import tables
from zoo.report.verdicts import verdict_lines
from zoo.statistics.scores import better
from zoo.statistics.tables import as_table


def texts(figure: Figure) -> str:
    figure.draw_without_rendering()
    return "\n".join(text.get_text() for text in figure.findobj(Text))


# what is drawn


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_says_what_it_shows_and_where_it_was_measured(name):
    figure = CHARTS[name](quick_table())
    shown = " ".join(texts(figure).split())
    assert figure.axes
    counted = "3 seeds" if name == "accuracy" else "3 repeats"
    origin = "Example CPU @ 2.50GHz, 2 CPUs, 2 threads; Python 3.11.9, Keras 3.15.1, tensorflow 2.22.0"
    assert f"{origin}; {counted}; 2026-05-01." in shown
    missing = "2 cases of the table did not end well (2 skipped)"
    if name != "largest_steps":  # which draws what was out of memory
        missing = "3 cases of the table did not end well (2 skipped and 1 out of memory)"
    assert f"Not drawn: {missing}." in shown
    assert all(axes.get_xlabel() and axes.get_title(loc="left") for axes in figure.axes)


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize(
    ("table", "why"),
    [(empty_table(), "the table is empty"), (failures_table(), "no case in the table ended well")],
    ids=["empty", "failures"],
)
def test_a_chart_without_results_says_so_in_words(name, table, why):
    figure = CHARTS[name](table)
    assert f"Nothing to draw: {why}." in texts(figure)
    assert not figure.axes


@pytest.mark.parametrize(
    ("name", "rows", "needs"),
    [
        ("step_time", [SCORE], "timings of training or prediction"),
        ("unrolled_over_looped", [TIMING], "unrolled and looped timed in the same repeat"),
        ("cost_growth", pair(20, [1.0]), "an entry that was trained at two or more numbers of steps"),
        (
            "largest_steps",
            pair(20, [1.0]),
            "an execution that out of memory, out of time or above 2 GiB did not train at some number of steps",
        ),
        ("accuracy", [TIMING], "trained scores"),
    ],
)
def test_a_chart_of_which_the_table_has_nothing_says_what_it_needs(name, rows, needs):
    assert f"Nothing to draw: this chart needs {needs}, and the table has none." in texts(CHARTS[name](as_table(rows)))


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_is_cut_off(name):
    figure = CHARTS[name](quick_table())
    figure.draw_without_rendering()
    (width, height), drawn = figure.get_size_inches(), figure.get_tightbbox()
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height
    for text in figure.findobj(Annotation):  # some are no part of that box
        assert text.get_window_extent().x1 <= figure.bbox.x1, text.get_text()


def test_one_repeat_and_one_seed_are_drawn_without_intervals():
    table = as_table(quick_rows(repeats=1, seeds=1))
    for name, chart in CHARTS.items():
        shown = texts(chart(table))
        assert name == "largest_steps" or ("1 seed;" if name == "accuracy" else "1 repeat;") in shown


def test_a_table_without_memory_is_drawn():
    rows = [
        replace(row, compile_floor_host_bytes=None, step_floor_host_bytes=None, step_peak_host_bytes=None)
        for row in quick_rows()
    ]
    assert CHARTS["cost_growth"](as_table(rows)).axes


def test_backends_never_share_a_panel():
    rows = [*pair(20, [1.0]), SCORE]
    both = rows + [replace(row, backend="jax", backend_version="0.10") for row in rows]
    for name in ("step_time", "unrolled_over_looped", "accuracy"):
        one, two = CHARTS[name](as_table(rows)), CHARTS[name](as_table(both))
        assert len(two.axes) == 2 * len(one.axes)
        assert "tensorflow 2.22.0" in texts(two)
        assert "jax 0.10" in texts(two)


def test_the_naive_score_is_in_sight_whatever_the_scores_are():
    scores = [
        replace(SCORE, task="digits_rows", metric="accuracy", score=0.98 + seed / 100, seed=seed) for seed in (0, 1)
    ]
    for naive in (0.1, 0.999, 0.0):
        (axes,) = CHARTS["accuracy"](as_table([replace(row, naive_score=naive) for row in scores])).axes
        low, high = axes.get_xlim()
        assert low <= naive <= high
        assert axes.get_xlabel() == "accuracy, higher is better"


def test_the_direction_of_every_metric_is_that_of_its_task():
    for task in TASKS:
        assert better(task.metric) == ("higher is better" if task.higher_is_better else "lower is better")


def test_errors_of_many_sizes_are_drawn_on_a_scale_of_logarithms():
    rows = [replace(SCORE, score=score, seed=seed) for seed, score in enumerate((0.001, 0.9))]
    (axes,) = CHARTS["accuracy"](as_table(rows)).axes
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "mse, lower is better, log scale"


def test_an_execution_looks_the_same_whatever_stands_beside_it():
    fields = [
        {"loop": e.loop, "jit": e.jit, "memory": e.memory, "chunk": e.written_out(100, "tensorflow", "cpu")}
        for e in EXECUTIONS
    ]
    everything = look(as_table([replace(TIMING, **each) for each in fields]))
    assert len(everything) == len(EXECUTIONS)
    assert len(set(everything.values())) == len(everything)
    assert look(as_table([replace(TIMING, loop="unrolled")])) == {"unrolled": everything["unrolled"]}
    assert {execution.loop for execution in EXECUTIONS} <= set(LOOK)


def test_the_ratio_of_the_table_stands_in_the_chart():
    figure = CHARTS["unrolled_over_looped"](as_table(pair(20, [0.8, 0.8, 0.8])))
    (axes,) = figure.axes
    assert "0.80  [0.80, 0.80]" in texts(figure)
    assert "left of 1: unrolled is faster" in axes.get_xlabel()
    low, high = axes.get_xlim()
    assert low < 0.8
    assert high > 1


def test_every_chart_is_written_and_those_without_data_are_named(tmp_path):
    shown: list[str] = []
    paths = draw_all(as_table([SCORE]), tmp_path / "charts", shown.append)
    assert [path.name for path in paths] == [f"{name}.png" for name in CHARTS]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    empty = {"step_time", "unrolled_over_looped", "cost_growth", "largest_steps"}
    assert sorted(shown) == sorted(f"{name}: nothing to draw (the picture says why)" for name in empty)


# the report


def test_the_report_has_a_table_for_each_kind_of_result_and_none_for_nothing():
    titles = [title for title, *_ in tables(quick_table())]
    assert titles == [
        "Cost on digits_rows, tensorflow, 8 steps, batch 32, 8 features, 100 units",
        "Cost on wave, tensorflow, batch 32, 1 feature, 32 units",
        "Time over that of lstm on digits_rows, tensorflow, 8 steps, batch 32, 8 features, 100 units",
        "Time over that of lstm on wave, tensorflow, 20 steps, batch 32, 1 feature, 32 units",
        "How cost grows with steps on wave, tensorflow, batch 32, 1 feature, 32 units",
        "When an execution has paid for its compile time on digits_rows, tensorflow, 8 steps, batch 32, 8 features, "
        "100 units",
        "When an execution has paid for its compile time on wave, tensorflow, batch 32, 1 feature, 32 units",
        "Largest number of steps under 2 GiB on wave, tensorflow, batch 32, 1 feature, 32 units",
        "Score on digits_rows, test split: accuracy, higher is better, batch 32, 8 steps, 8 features, 100 units",
        "Score on wave, same_range split: mse, lower is better, batch 32, 20 steps, 1 feature, 32 units",
        "Score on wave, unseen_time split: mse, lower is better, batch 32, 20 steps, 1 feature, 32 units",
        "What did not end well",
    ]
    assert list(tables(empty_table())) == []
    assert [title for title, *_ in tables(failures_table())] == ["What did not end well"]


@pytest.mark.parametrize(
    ("factors", "shown"),
    [
        ([0.8] * 3, "faster"),
        ([1.2] * 3, "slower"),
        ([0.99, 1.0, 1.01], "equal"),
        ([0.9, 1.0, 1.15], "undecided (95)"),
        ([0.8] * 2, "too few"),
    ],
)
def test_the_report_says_what_each_ratio_shows(factors, shown):
    costs = next(tables(as_table(pair(20, factors)))).texts
    assert costs["verdict"].tolist() == ["", shown]
    assert costs["train\nms (IQR)"].iloc[0] == "10.0 (3.0)"


def test_what_is_undecided_is_grey() -> None:
    for factors, grey in (([0.8, 0.8, 0.8], False), ([0.9, 1.0, 1.15], True)):
        (axes,) = CHARTS["unrolled_over_looped"](as_table(pair(20, factors))).axes
        (marker,) = (line for line in axes.lines if line.get_marker() == LOOK["unrolled"][1])
        assert (marker.get_color() == GREY) == grey


# how a run ends


def test_a_run_ends_with_its_verdicts_the_largest_first_and_their_count() -> None:
    rows = pair(10, [0.99, 1.0, 1.01]) + pair(50, [0.9, 1.0, 1.15]) + pair(200, [0.5, 0.51, 0.49])
    gru = replace(TIMING, entry="gru", steps=200, step_seconds=0.0078)
    lines = verdict_lines(as_table([*rows, *arm("looped", [1.0] * 3, gru), *pair(400, [0.8] * 2)]))
    assert lines[1:] == [
        "lstm on wave, 200 steps, train unrolled 0.50 ±5%",
        "entries over lstm on wave, 200 steps, train gru 0.78 ±0%",
        "lstm on wave, 10 steps, train unrolled equal",
        "lstm on wave, 400 steps, train unrolled about 0.80",
        "lstm on wave, 50 steps, undecided: train unrolled 1.01 ±36%",
        "5 comparisons: 2 faster or slower, 1 equal within 5%, 1 undecided (92 more repeats would likely decide it), "
        "1 with too few repeats",
    ]


def test_thousands_of_comparisons_end_in_25_lines() -> None:
    loops = ("unrolled", "fused", "parallel", "stock")
    random = np.random.default_rng(0)
    rows = []
    for units in range(100):
        base = replace(TIMING, units=units, backend="jax" if units % 2 else "torch")
        for loop in ("looped", *loops):
            factors = np.exp(random.normal(-0.3, 0.1, 3))
            timed = replace(base, loop=loop)
            rows += [replace(timed, repeat=i, step_seconds=0.01 * factor) for i, factor in enumerate(factors)]
    lines = verdict_lines(as_table(rows), width=80)
    assert len(lines) <= 24  # the last may take two
    assert max(map(len, lines[1:-1])) <= 80
    assert lines[-2] == "and 79 more lines of comparisons: see the report"
    assert lines[-1].startswith("400 comparisons: ")
    assert "to over 100 more repeats would likely decide them" in lines[-1]


def test_a_table_without_comparisons_ends_with_what_is_missing() -> None:
    (line,) = verdict_lines(as_table([TIMING]))
    assert line.startswith("Nothing to compare: the table holds timings of training looped")


def test_the_report_holds_entries_against_the_reference() -> None:
    gru = replace(TIMING, entry="gru", cell="gru")
    rows = [*arm("looped", [1.0] * 3), *arm("looped", [0.78] * 3, gru)]
    rows += arm("looped", [2.0] * 3, replace(gru, phase="predict"))
    section = next(each for each in tables(as_table(rows)) if each.title.startswith("Time over that of lstm on wave"))
    row = section.texts.set_index("entry").loc["gru"]
    assert row[["train\nratio", "train\nverdict", "predict\nratio"]].tolist() == ["0.78 [0.78, 0.78]", "faster", ""]


@pytest.mark.parametrize(
    ("backend", "footer"), [("tensorflow", "No case of the table failed."), ("torch", "1 skipped")]
)
def test_what_is_measured_under_another_name_did_not_fail(backend: str, footer: str) -> None:
    skipped = replace(FAILURE, status="skipped", reason="the same program", loop="stock", backend=backend)
    assert footer in texts(CHARTS["step_time"](as_table([TIMING, skipped])))
