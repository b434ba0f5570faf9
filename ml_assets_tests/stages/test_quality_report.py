"""The quality report comes out for every batch, and says what it could not compute and why."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ml_assets_tests.stages.quality_batches import EVERY, report_of, rows, table

SCRIPT = "<script>alert(1)</script>"
REFERENCE = {"2019-12": rows(31, 60, seed=3)}
ODD: dict[str, Any] = {
    "at": {"type": "timestamp"},
    f"a name {SCRIPT}": {"type": "number", "description": "naïve & 'quoted' ☃"},
    "日本": {"type": "text"},
}


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)


def _odd(numbers: list[float | None], texts: list[str | None]) -> Any:
    at = [n * 3_600_000_000 for n in range(len(numbers))]
    return table({"at": at, f"a name {SCRIPT}": numbers, "日本": texts}, ODD)


def test_the_page_is_one_offline_file_with_words_for_each_picture() -> None:
    found = report_of(rows(28, 60, seed=9), REFERENCE)
    assert "script" not in Tags(found.page).seen
    assert "http" not in found.page
    assert len(found.page) < 60_000
    pictures = re.findall(r"<svg[^>]*>", found.page)
    assert pictures
    assert all('role="img" aria-label="histogram from' in picture for picture in pictures)
    assert found.page == report_of(rows(28, 60, seed=9), REFERENCE).page


def test_a_change_that_is_asked_about_is_on_the_page() -> None:
    found = report_of(rows(5, 20, seed=9), None, account={"proposed": ["column 'x' is new"]})
    assert found.figures["proposed"] == ["column 'x' is new"]
    asked = "column &#39;x&#39; is new: <code>ml-assets propose people</code> says what to change"
    assert asked in found.page
    assert "The data changed" not in report_of(rows(5, 20, seed=9), None).page


def test_statistics_of_a_column() -> None:
    numbers = [float(n) for n in range(101)] * 20
    found = report_of(rows(20, 101, seed=1, size=numbers), REFERENCE)
    (size,) = [c for c in found.figures["columns"] if c["column"] == "size"]
    assert size["quantiles"] == [0, 25, 50, 75, 100]
    assert (size["missing"], size["distinct"], size["infinite"], size["mean"]) == (0, 101, 0, 50)
    (free,) = [c for c in found.figures["columns"] if c["column"] == "free"]
    assert [value for value, _ in free["top"]] == ["false", "true"]
    assert "0 to 100, median 50, half in 25 to 75, mean 50 ± 29.15" in found.page


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ([None] * 60, [None] * 60),
        ([7.0] * 60, ["one"] * 60),
        ([float("inf"), float("-inf"), 1e308, -1e308, float("nan")] * 12, ["x", "y", None] * 20),
        ([1e-300 * n for n in range(60)], [f"{SCRIPT}{n % 3}" for n in range(60)]),
        ([1.0], ["alone"]),
        ([], []),
    ],
    ids=["nulls", "constant", "infinite", "markup", "one row", "no row"],
)
@pytest.mark.parametrize("block", ["hour", "row"])
@pytest.mark.parametrize("itself", [True, False], ids=["against itself", "against others"])
def test_odd_batches_get_a_report(
    numbers: list[float | None], texts: list[str | None], block: str, itself: bool
) -> None:
    raw = _odd(numbers, texts)
    other = _odd([float(n % 9) for n in range(240)], ["x"] * 240)
    before = {"2019": raw if itself else other}
    found = report_of(raw, before, columns=ODD, block=block, slices=("日本",))
    assert set(found.checks) == set(EVERY)
    assert all(check.description for check in found.checks.values())
    assert all(entry["why"] for entry in found.figures["not_computed"])
    assert SCRIPT not in found.page
    assert "script" not in Tags(found.page).seen
    assert "日本" in found.page
    assert "naïve &amp; &#39;quoted&#39; ☃" in found.page


def test_ten_thousand_values() -> None:
    n = 31 * 700
    before = rows(31, 700, seed=3, kind=[f"k{i % 10_000}" for i in range(n)])
    found = report_of(
        rows(31, 700, seed=4, kind=[f"k{i % 10_000}" for i in range(n)]), {"a": before}
    )
    assert found.effect("kind", "categorical")["effect"] == 0.0
    assert found.checks["drift"].passed is True
    assert len(found.page) < 60_000
    names = rows(31, 60, seed=3, kind=[str(i) for i in range(31 * 60)])
    unique = report_of(names, {"a": names})
    assert (
        unique.why("drift of kind")
        == "1,860 different values in 1,860 rows: looks like an identifier"
    )


def test_one_row_says_what_is_lacking() -> None:
    found = report_of(rows(1, 1, seed=9), REFERENCE)
    assert found.checks["drift"].passed is None
    assert found.why("drift").endswith("1 cleaned rows, wanted at least 30")


def test_a_refused_batch() -> None:
    raw = rows(28, 60, seed=9).slice(0, 0)
    refused = report_of(raw, REFERENCE, account={"landed": 5, "refused": "columns are missing"})
    assert refused.checks["drift"].passed is None
    assert "the batch is refused: columns are missing" in refused.checks["drift"].description
    assert "The batch is refused: columns are missing." in refused.page


def test_a_sensitive_column_shows_no_value() -> None:
    columns: dict[str, Any] = {
        "at": {"type": "timestamp"},
        "size": {"type": "number", "sensitive": True},
        "kind": {"type": "category", "sensitive": True},
        "free": {"type": "boolean"},
    }
    secret = ["SECRET-A", "SECRET-B", "SECRET-NEW"] * 560
    before = {"a": rows(28, 60, seed=3, kind=["SECRET-A", "SECRET-B"] * 840)}
    raw = rows(28, 60, seed=9, kind=secret, size=[987654.0, 1.0] * 840)
    filters = [{"id": "big", "expression": "size > 5", "reason": "Too big."}]
    found = report_of(raw, before, columns=columns, clean_parts={"filters": filters})
    said = found.page + str(found.figures) + str(found.checks)
    assert found.effect("kind", "unseen")["alarm"] is True
    assert "SECRET" not in said
    assert "987" not in said
    assert "sensitive: values are not shown" in found.page
