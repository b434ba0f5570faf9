"""`ml-assets replay`: its document, table and files, and what it refuses."""

from __future__ import annotations

from pathlib import Path

from ml_assets_tests.cli.shell import Site
from ml_assets_tests.projects import FORECAST

ASKED = ("replay", "forecast", "--warm-up", "1")


def test_a_replay_its_document_page_and_plots(site: Site) -> None:
    site.toy.edit(FORECAST, "test: 2", "test: 1")
    found = site.json(*ASKED, "--price", "2", "--try", "new_rows=20")
    assert found["compared"] == ["2020-05", "2020-06"]
    names = [row["name"] for row in found["policies"]]
    plain = ["never", "always", "drift", "loss", "cost-aware"]
    assert names == [*plain, "new_rows=20", "best in hindsight"]
    page = Path(found["page"]).read_text()
    assert page.startswith("<!doctype html>")
    assert "best in hindsight" in page
    assert "<script" not in page
    assert set(found["plots"]) == {"losses", "costs"}
    assert all(Path(path).read_text().startswith("<svg") for path in found["plots"].values())
    again = site(*ASKED, "--price", "2", "--try", "new_rows=20")
    assert "0 actions executed" in again.out
    assert f"page: {found['page']}" in again.out.replace("\n", "")
    assert "trained up to 2020-06: linear (reused)" in again.err


def test_what_is_wrong_is_refused(site: Site) -> None:
    def error(*words: str) -> str:
        answer = site("replay", *words, code=2)
        assert answer.out == ""
        assert "Traceback" not in answer.err
        return answer.err

    assert "did you mean 'forecast'" in error("forcast")
    assert "wanted e.g. new_rows=5000" in error("forecast", "--try", "rows=5")
    assert "contradict each other" in error(
        "forecast", "--try", "every=1 day", "--try", "at_most=1 a week"
    )
    assert "wanted a number of 0 or more" in error("forecast", "--price", "nan")
    assert "got 2 batches with labels" in error("forecast")
