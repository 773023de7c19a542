"""Every chart draws every kind of table, answers in its title and says where it was measured; how a run ends."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from tests.tables import FAILURE, SCORE, TIMING, arm, empty_table, failures_table, grown, pair, quick_rows, quick_table
from zoo import EXECUTIONS, TASKS
from zoo.charts.architectures import FRONT
from zoo.charts.executions import FASTEST
from zoo.charts.figures import GREY, LOOK, look
from zoo.charts.gallery import ALL, CHARTS, draw_all
from zoo.report.verdicts import verdict_lines
from zoo.statistics.scores import better
from zoo.statistics.tables import as_table

pytestmark = pytest.mark.usefixtures("python_texts")


def texts(figure: Figure) -> str:
    figure.draw_without_rendering()
    return "\n".join(text.get_text() for text in figure.findobj(Text))


# what is drawn


@functools.cache
def drawn(name: str) -> Figure:
    """A chart of the table that most tests look at."""
    return CHARTS[name](quick_table())


def size(figure: Figure) -> tuple[int, int]:
    width, height = figure.get_size_inches() * figure.dpi
    return round(width), round(height)


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_answers_in_its_title_and_says_where_it_was_measured(name):
    figure = drawn(name)
    shown = " ".join(texts(figure).split())
    assert figure.axes
    assert not figure.get_suptitle().endswith("?")
    counted = "3 repeats and 3 seeds" if name == "architectures" else "3 repeats"
    origin = "Example CPU @ 2.50GHz, 2 CPUs, 2 threads; Python 3.11.9, Keras 3.15.1, tensorflow 2.22.0"
    assert f"{origin}; {counted}; 2026-05-01." in shown
    missing = "2 not possible"
    if name != "largest_steps":  # which draws what was out of memory
        missing = "2 not possible and 1 out of memory"
    assert f"Not drawn, because they did not end well: {missing}." in shown


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_fits_a_page(name):
    width, height = size(drawn(name))
    assert width <= 1600
    assert height <= 1200


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize(
    ("table", "why"),
    [(empty_table(), "the table is empty"), (failures_table(), "no case in the table ended well")],
    ids=["empty", "failures"],
)
def test_a_chart_without_results_says_so_in_words(name, table, why):
    figure = CHARTS[name](table)
    assert f"Nothing to draw: {why}." in " ".join(texts(figure).split())
    assert not figure.axes


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_of_which_the_table_has_nothing_says_what_it_needs(name):
    figure = CHARTS[name](as_table([SCORE] if name != "architectures" else [TIMING]))
    assert "Nothing to draw: this chart needs " in texts(figure)


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_is_cut_off(name):
    figure = drawn(name)
    figure.draw_without_rendering()
    (width, height), box = figure.get_size_inches(), figure.get_tightbbox()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width
    assert box.y1 <= height
    for text in figure.findobj(Annotation):  # some are no part of that box
        assert text.get_window_extent().x1 <= figure.bbox.x1, text.get_text()


def test_one_repeat_and_one_seed_are_drawn_without_intervals():
    table = as_table(quick_rows(repeats=1, seeds=1))
    for name, chart in CHARTS.items():
        shown = texts(chart(table))
        assert name == "largest_steps" or ("1 seed;" if name == "architectures" else "1 repeat;") in shown


def test_a_table_without_memory_is_drawn():
    rows = [
        replace(row, compile_floor_host_bytes=None, step_floor_host_bytes=None, step_peak_host_bytes=None)
        for row in quick_rows()
    ]
    assert CHARTS["cost_growth"](as_table(rows)).axes


def test_where_nothing_is_unrolled_growing_times_are_told_up_to_the_longest_of_two_executions():
    def timed(loop: str, steps: int, factor: float) -> list:
        return arm(loop, [factor] * 3, replace(TIMING, backend="torch", steps=steps))

    looped = [row for steps in (10, 100, 1000) for row in timed("looped", steps, steps / 10)]
    shown = texts(CHARTS["cost_growth"](as_table([*looped, *timed("stock", 10, 1.0), *timed("stock", 100, 50.0)])))
    told = "from 10 to 100 steps the time of training grows 50.0 times with stock and 10.0 times with looped"
    assert told in " ".join(shown.split())


def test_backends_never_share_a_panel_or_a_picture():
    rows = [row for steps in (10, 20) for row in pair(steps, [0.8] * 3)]
    both = as_table([*rows, *(replace(row, backend="jax", backend_version="0.10") for row in rows)])
    one, two = CHARTS["executions"](as_table(rows)), CHARTS["executions"](both)
    assert len(two.axes) == 2 * len(one.axes)
    for name, chart in {chart.name: chart for chart in ALL}.items():
        if name in ("cost_growth", "over_stock"):
            assert list(chart.pictures(both)) == ["lstm-tensorflow", *(["lstm-jax"] * (name == "cost_growth"))]


def test_the_direction_of_every_metric_is_that_of_its_task():
    for task in TASKS:
        assert better(task.metric) == ("higher is better" if task.higher_is_better else "lower is better")


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


def test_every_chart_is_written_and_those_without_data_are_named(tmp_path):
    shown: list[str] = []
    paths = draw_all(as_table([SCORE]), tmp_path / "charts", shown.append)
    assert [path.name for path in paths] == [f"{name}.png" for name in CHARTS]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert sorted(shown) == sorted(f"{name}: nothing to draw (the picture says why)" for name in CHARTS)


def test_the_same_table_gives_the_same_picture(tmp_path):
    tables = {"known": quick_table(), "new": quick_table().copy()}  # of which nothing was worked out before
    first, second = (draw_all(table, tmp_path / name, str) for name, table in tables.items())
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


# executions


def test_a_cell_is_the_ratio_to_the_fastest_ties_are_grey_and_failures_are_words():
    rows = [*pair(10, [0.5] * 3), *pair(20, [0.5] * 3), *pair(50, [0.9, 1.0, 1.15])]
    rows += [replace(FAILURE, loop="unrolled", steps=100), *arm("looped", [1.0] * 3, replace(TIMING, steps=100))]
    (axes,) = CHARTS["executions"](as_table(rows)).axes
    cells = [text.get_text() for text in axes.texts]
    assert cells == ["2.00", "1.00", "2.00", "1.00", "1.00", "1.01", "1.00", "out\nof\nmemory"]
    axes.figure.draw_without_rendering()
    colours = {tuple(np.round(face, 2)) for mesh in axes.collections for face in mesh.get_facecolors()}
    assert {tuple(np.round(to_rgba(colour), 2)) for colour in (GREY, FASTEST)} <= colours


def test_the_green_cell_is_the_fastest_of_three_repeats_though_a_single_one_was_quicker() -> None:
    rows = [row for row in pair(20, [0.5] * 3) if row.loop == "looped" or row.repeat == 0]
    (axes,) = CHARTS["executions"](as_table(rows)).axes
    assert [text.get_text() for text in axes.texts] == ["1.00", "≈0.50"]
    axes.figure.draw_without_rendering()
    faces = [np.round(mesh.get_facecolors(), 2) for mesh in axes.collections]
    green = [np.isclose(face, np.round(to_rgba(FASTEST), 2)).all(axis=1).tolist() for face in faces]
    assert [True, False] in green
    assert [False, True] not in green


# forest


def test_what_is_undecided_is_grey() -> None:
    for factors, grey in (([0.8, 0.8, 0.8], False), ([0.9, 1.0, 1.15], True)):
        train, _ = CHARTS["over_stock"](as_table(pair(20, factors))).axes
        (marker,) = (line for line in train.lines if line.get_marker() == LOOK["unrolled"][1])
        assert (marker.get_color() == GREY) == grey


def test_the_gain_over_stock_stands_in_the_title() -> None:
    figure = CHARTS["over_stock"](as_table(pair(20, [0.5] * 3)))
    assert "unrolled trains 2.00 times as fast as stock at 20 steps" in " ".join(figure.get_suptitle().split())


# architectures


def test_a_picture_over_stock_is_of_one_entry_though_several_have_one_line_each() -> None:
    """Two entries, each with its unrolled arm alone: gru's gain is not told as lstm's."""
    gru = replace(TIMING, entry="gru", cell="gru")
    rows = [*pair(20, [0.9] * 3), *arm("looped", [1.0] * 3, gru), *arm("unrolled", [0.5] * 3, gru)]
    figure = CHARTS["over_stock"](as_table(rows))
    title = figure.get_suptitle()
    assert "lstm of" in title
    assert "1.11 times" in " ".join(title.split())
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["20 steps   looped", "unrolled"]  # the first line is what the others are compared with


def test_a_single_length_has_a_winner_in_the_title() -> None:
    title = " ".join(CHARTS["executions"](as_table(pair(20, [0.5] * 3))).get_suptitle().split())
    assert title.endswith("is on TensorFlow unrolled at 20 steps")


def test_the_front_is_blue_and_what_has_no_cost_or_score_is_named() -> None:
    entries = {
        "lstm": (0.01, 1.0),
        "gru": (0.02, 0.5),
        "simple_rnn": (0.03, 0.8),
        "irnn": (0.04, None),
        "neuron": (None, 0.4),
    }
    rows = []
    for entry, (score, factor) in entries.items():
        rows += arm("looped", [factor] * 3, replace(TIMING, entry=entry)) if factor else []
        rows += [replace(SCORE, entry=entry, score=score, seed=seed) for seed in range(3)] if score else []
    figure = CHARTS["architectures"](as_table(rows))
    (axes,) = figure.axes
    assert {text.get_text() for text in axes.texts} - {""} == {"lstm", "gru", "simple_rnn"}
    points = {tuple(line.get_xydata()[0]): line.get_color() for line in axes.lines if line.get_marker() == "o"}
    assert sorted(points) == [pytest.approx((0.5, 0.02)), pytest.approx((0.8, 0.03)), (1.0, 0.01)]
    blue = [point for point, colour in points.items() if colour == FRONT]
    assert sorted(blue) == [pytest.approx((0.5, 0.02)), (1.0, 0.01)]
    shown = " ".join(texts(figure).split())
    assert "Timed, not trained at this size: neuron." in shown
    assert "Trained, not timed at this size: irnn." in shown
    assert "lstm has the best mse, 0.0100" in shown


def test_scores_without_costs_are_no_chart_and_its_words_say_that_costs_are_missing() -> None:
    rows = [replace(SCORE, entry=entry, seed=seed) for entry in ("lstm", "gru", "irnn") for seed in range(3)]
    figure = CHARTS["architectures"](as_table([*rows, *arm("looped", [1.0] * 3)]))
    assert not figure.axes
    assert "3 entries of one task with a score and a cost" in " ".join(texts(figure).split())


# how a run ends


def test_a_run_ends_with_its_verdicts_the_largest_first_and_their_count() -> None:
    rows = pair(10, [0.99, 1.0, 1.01]) + pair(50, [0.9, 1.0, 1.15]) + pair(200, [0.5, 0.51, 0.49])
    gru = replace(TIMING, entry="gru", steps=200, step_seconds=0.0078)
    lines = verdict_lines(as_table([*rows, *arm("looped", [1.0] * 3, gru), *pair(400, [0.8] * 2)]))
    assert lines.pop(-2).startswith("The machine's pace varied by up to 1.7×")  # as the rows were made up
    assert lines[1:] == [
        "lstm on wave, 200 steps, train unrolled 0.50 ±5%",
        "entries over lstm on wave, 200 steps, train gru 0.78 ±0%",
        "lstm on wave, 10 steps, train unrolled equal",
        "lstm on wave, 400 steps, train unrolled about 0.80",
        "lstm on wave, 50 steps, undecided: train unrolled 1.01 ±36%",
        "5 comparisons: 2 faster or slower, 1 equal within 5%, 1 undecided (92 more repeats would likely decide it), "
        "1 with too few repeats",
    ]


def test_many_comparisons_end_in_25_lines() -> None:
    loops = ("unrolled", "fused", "parallel", "stock")
    random = np.random.default_rng(0)
    rows = []
    for units in range(40):
        base = replace(TIMING, units=units, backend="jax" if units % 2 else "torch")
        for loop in ("looped", *loops):
            factors = np.exp(random.normal(-0.3, 0.1, 3))
            timed = replace(base, loop=loop)
            rows += [replace(timed, repeat=i, step_seconds=0.01 * factor) for i, factor in enumerate(factors)]
    lines = verdict_lines(as_table(rows), width=80)
    assert len(lines) <= 24  # the last may take two
    assert max(map(len, lines[1:-1])) <= 80
    assert lines[-2] == "and 21 more lines of comparisons: see the report"
    assert lines[-1].startswith("160 comparisons: ")
    assert "to over 100 more repeats would likely decide them" in lines[-1]


def test_a_table_without_comparisons_ends_with_what_is_missing() -> None:
    (line,) = verdict_lines(as_table([TIMING]))
    assert line.startswith("Nothing to compare: the table holds timings of training looped")


@pytest.mark.parametrize(
    ("backend", "footer"), [("tensorflow", "No case of the table failed."), ("torch", "1 not possible")]
)
def test_what_is_measured_under_another_name_did_not_fail(backend: str, footer: str) -> None:
    skipped = replace(FAILURE, status="skipped", reason="the same program", loop="stock", backend=backend)
    assert footer in texts(CHARTS["executions"](as_table([*pair(20, [0.8] * 3), skipped])))


def test_the_footer_of_growth_counts_the_repeats_of_the_run_of_its_times() -> None:
    rows = grown({"step_seconds": (0.001, 1.0)}, (10, 20, 50))
    older = [replace(row, run="run-0", repeat=row.repeat + 7, started_at="2026-04-01T10:00:00") for row in rows[:2]]
    shown = texts(CHARTS["cost_growth"](as_table([*older, *rows])))
    assert "2 repeats; 2026-05-01." in " ".join(shown.split())
