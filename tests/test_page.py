"""The published page, and that what is committed is what the reference tables say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.pages import profiles as page_profiles
from benchmarks.pages import results as page
from tests.tables import pair
from zoo.errors import ZooError
from zoo.statistics.folders import read_folder
from zoo.statistics.tables import as_table

ROOT = Path(__file__).parent.parent


def shown_table():
    sizes = {"batch": 50, "units": 100}
    return as_table([row for steps in page.STEPS for row in pair(steps, [0.5, 0.51, 0.49], **sizes)])


def test_the_head_tells_what_ran_and_what_it_cost() -> None:
    text = page.head(shown_table())
    assert "|looped" in text
    assert "|while" in text
    assert "0.50 [0.48, 0.53]" in text
    assert "Example CPU @ 2.50GHz, 2 cores, Keras 3.15.1, tensorflow 2.22.0, 3 fresh processes each" in text


def test_the_head_concludes_what_the_tables_conclude() -> None:
    """Holm's correction is for all comparisons of the results, and not for those of the head alone."""
    few = shown_table()
    many = pd.concat([few, *(as_table(pair(300 + i, [1.0, 1.01, 0.99])) for i in range(200))], ignore_index=True)
    assert page.head(few).count("|faster") == len(page.STEPS)
    assert "|faster" not in page.head(many)


def test_the_head_goes_between_its_marks_and_the_rest_stays(tmp_path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    (tmp_path / "results").mkdir()
    for _ in range(2):
        written = page.write(shown_table(), tmp_path / "results", readme)
    assert written == [tmp_path / "results" / "README.md", readme]
    text = readme.read_text()
    assert text.startswith(f"before\n{page.BEGIN}\n**lstm looped against unrolled")
    assert text.endswith(f"{page.END}\nafter\n")
    assert "old" not in text


def test_a_page_without_marks_or_a_table_without_the_case_is_told_in_one_line(tmp_path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    with pytest.raises(ZooError, match="has no place for the head of the page"):
        page.write(shown_table(), tmp_path, readme)
    with pytest.raises(ZooError, match="hold nothing for the head of the page"):
        page.head(as_table(pair(7, [1.0])))


def test_the_committed_page_is_fresh() -> None:
    table = read_folder(ROOT / "results" / "reference")
    head = page.head(table)
    assert (ROOT / "results" / "README.md").read_text() == page.page(table, head), "run: python -m benchmarks page"
    assert f"{page.BEGIN}\n{head}\n{page.END}" in (ROOT / "README.md").read_text()


def test_the_committed_pages_of_profiles_are_fresh(tmp_path) -> None:
    written = page_profiles.write_profiles(ROOT / "results" / "reference", tmp_path)
    pages = [path for path in written if path.suffix == ".md"]
    assert "gpu.md" in {path.name for path in pages}
    for path in pages:
        assert path.read_text() == (ROOT / "results" / path.name).read_text(), "run: python -m benchmarks page"
    assert all(path.exists() for path in written)
    peers = page_profiles.peers_head(page_profiles.read_profile(ROOT / "results" / "reference", "peers"))
    assert f"{page_profiles.BEGIN}\n{peers}\n{page_profiles.END}" in (ROOT / "README.md").read_text()


def test_only_a_profile_with_a_page_is_published_as_one() -> None:
    with pytest.raises(ZooError, match="unknown profile with a page 'peer'; did you mean 'peers'"):
        page_profiles.require_page("peer")


def test_times_over_those_of_the_loop_stand_by_their_steps_and_what_is_sure_is_marked() -> None:
    factors = {20: [0.5, 0.51, 0.49], 100: [1.2, 1.21, 1.19], 300: [0.9, 1.0, 1.1]}
    lines = page_profiles.over_looped(as_table([row for steps, each in factors.items() for row in pair(steps, each)]))
    text = "\n".join(lines)
    columns = [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")]
    assert columns == ["backend", "entry", "execution", "over", "phase", "20 steps", "100 steps", "300 steps"]
    row = next(line for line in text.splitlines() if "train" in line)
    assert [cell.strip()[:6] for cell in row.strip("|").split("|")][-3:] == ["**0.50", "*1.20 ", "1.00 ["]
    assert "Bold, wholly below 1: 1 of 3. Italic, wholly above 1.05: 1." in text
