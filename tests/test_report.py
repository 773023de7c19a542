"""The report: one HTML file that holds every result, works offline, and can be read by everybody."""

from __future__ import annotations

import math
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tables import SCORE, TIMING, arm, empty_table, failures_table, pair, quick_table
from tests.test_table_commands import rows_of_reference
from zoo.report.html import report_html, write_report
from zoo.report.tables import FILTERS, report_tables
from zoo.statistics import tables
from zoo.statistics.tables import as_table

pytestmark = pytest.mark.usefixtures("python_texts")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
ROWS = "#table-loops tbody tr"


def test_a_report_has_a_table_for_each_kind_of_result_and_none_for_nothing() -> None:
    names = [each.name for each in report_tables(quick_table())]
    assert names == [
        *("architectures", "costs", "fastest", "loops", "entries"),  # no gains: one backend took turns
        *("break-even", "growth", "largest", "scores", "failures"),
    ]
    assert report_tables(empty_table()) == []
    assert [each.name for each in report_tables(failures_table())] == ["fastest", "failures"]


def test_the_figures_of_a_table_stay_numbers() -> None:
    loops = next(each for each in report_tables(as_table(pair(20, [0.8] * 3))) if each.name == "loops").rows
    row = loops[loops["quantity"] == "step_seconds"].iloc[0]
    assert row[["ratio", "low", "high"]].tolist() == pytest.approx([0.8] * 3)
    assert row[["execution", "baseline", "verdict"]].tolist() == ["unrolled", "looped", "faster"]


def test_the_same_table_gives_the_same_bytes() -> None:
    rows = as_table(pair(20, [0.8] * 3))
    assert report_html(rows, "mine") == report_html(rows.copy(), "mine")


@pytest.mark.parametrize("table", [empty_table(), failures_table()], ids=["empty", "failures"])
def test_a_table_without_times_is_a_page_too(table) -> None:
    page = report_html(table, "mine")
    assert '<h2 id="answers">' in page
    assert "<img" not in page


def test_text_from_outside_is_escaped() -> None:
    bad = "<script>alert(1)</script>"
    rows = [replace(row, device_name=bad) for row in pair(20, [0.8] * 3)]
    rows += [replace(row, entry=bad, reason=bad, status="crashed", step_seconds=None) for row in rows]
    page = report_html(as_table(rows), bad)
    assert bad not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("values", [(math.nan, 1e300), (math.inf, 0.0), (-math.inf, -1.0)])
def test_values_that_no_clock_gives_do_not_end_the_report(values) -> None:
    good = [*pair(20, [0.8] * 3), *(replace(SCORE, seed=seed) for seed in range(3))]
    names = ("step_seconds", "first_call_seconds", "score")
    bad = [
        replace(row, **{name: values[i // 2 % 2] for name in names if getattr(row, name) is not None}) if i % 2 else row
        for i, row in enumerate(good)
    ]
    assert '<h2 id="answers">' in report_html(as_table(bad), "mine")


# in a browser


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    gru = [
        *arm("looped", [0.5] * 3, replace(TIMING, entry="gru")),
        *arm("unrolled", [0.4] * 3, replace(TIMING, entry="gru")),
    ]
    rows = [row for steps in (10, 20, 50, 100) for row in pair(steps, [0.8] * 3)]
    return write_report(as_table([*rows, *gru]), tmp_path_factory.mktemp("report") / "report.html", "mine")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("no Chromium is found")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.mark.slow  # by the clock
def test_a_report_of_twenty_thousand_rows_opens_in_two_seconds(browser, tmp_path: Path) -> None:
    rows_of_reference(20_000).to_csv(tmp_path / "large.csv", index=False)
    path = write_report(tables.read(tmp_path / "large.csv"), tmp_path / "report.html", "large")
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    started = time.perf_counter()
    page.goto(path.as_uri())
    page.locator("#answers").wait_for()
    taken = time.perf_counter() - started
    read(page)  # every table comes when a reader scrolls to it
    context.close()
    assert taken <= 2, taken


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def opened(request: pytest.FixtureRequest, browser, page_path: Path) -> Iterator:
    """The page at a width, and what went wrong while it was opened: messages, errors, requests of the network."""
    context = browser.new_context(viewport=request.param, color_scheme="dark" if request.param == PHONE else "light")
    page = context.new_page()
    page.trouble = []
    page.on("console", lambda message: page.trouble.append(message.text))
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("request", lambda asked: page.trouble.append(asked.url) if asked.url.startswith("http") else None)
    page.goto(page_path.as_uri())
    read(page)
    yield page
    context.close()


def read(page) -> None:
    """Go from table to table as a reader does, until all of them are there."""
    for section in page.locator("section").all():
        section.scroll_into_view_if_needed()
        page.wait_for_function("section => section.querySelector('table.dataTable')", arg=section.element_handle())
    page.wait_for_selector(ROWS)


def test_the_page_opens_without_an_error_or_a_request_and_is_no_wider_than_the_screen(opened) -> None:
    assert opened.trouble == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= opened.viewport_size["width"]


def test_every_picture_has_an_alternative_text_and_every_table_a_heading(opened) -> None:
    alternatives = opened.eval_on_selector_all("img", "images => images.map(image => image.alt)")
    assert alternatives
    assert all(len(text) > 20 for text in alternatives)
    tables = opened.locator("section table.dataTable").count()
    assert tables == opened.locator("section[aria-labelledby] h2[id]").count() > 5
    assert opened.locator("html[lang=en]").count() == 1


def test_a_table_is_searched_sorted_and_filtered_with_the_keyboard_too(opened) -> None:
    every = opened.locator(ROWS).count()
    search = opened.locator("#table-loops_wrapper input[type=search]").first
    search.fill("gru")
    eventually(opened, lambda: 0 < opened.locator(ROWS).count() < every)
    search.fill("")
    eventually(opened, lambda: opened.locator(ROWS).count() == every)
    ratios = headings(opened).index("ratio")
    opened.locator("#table-loops thead .dtcc-button_order").nth(ratios).press("Enter")

    def shown() -> list[float]:
        return [float(text) for text in opened.locator(f"{ROWS} td:nth-child({ratios + 1})").all_inner_texts()]

    eventually(opened, lambda: shown() == sorted(shown()))
    opened.locator("#table-loops thead .dtcc-button_dropdown").first.press("Enter")
    opened.locator(".dtcc-dropdown .dtcc-list-buttons button", has_text="gru").click()
    eventually(opened, lambda: set(opened.locator(f"{ROWS} td:first-child").all_inner_texts()) == {"gru"})


def eventually(page, holds: Callable[[], bool]) -> None:
    """That something holds within five seconds: the table is drawn anew some time after a key."""
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(50)
    assert holds()


def headings(page) -> list[str]:
    return page.locator("#table-loops thead .dt-column-title").all_inner_texts()


def test_what_a_reader_filters_by_stands_first(opened) -> None:
    assert headings(opened)[: len(FILTERS)] == FILTERS
    assert opened.locator("#table-loops thead .dtcc-button_dropdown").count() >= len(FILTERS)


def test_the_page_is_dark_where_the_reader_wants_it(opened) -> None:
    colour = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", colour)[:3]))
    assert (brightness < 200) == (opened.viewport_size == PHONE)
