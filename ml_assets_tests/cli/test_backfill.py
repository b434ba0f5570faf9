"""`ml-assets score MODEL --backfill`, and what other commands say of predictions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_assets_tests.cli.shell import Site
from ml_assets_tests.prepared import prepared_site

JANUARY, JUNE = "2020-01", "2020-06"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give commands on the project after its first run."""
    with prepared_site(tmp_path_factory, "backfill") as site:
        yield site


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("forecast", "--backfill", "file.csv"), "without one"),
        (("forecast", "--batches", JANUARY), "wanted a FILE to score, or --backfill"),
        (("forecast",), "name a FILE to score"),
        (("forcast", "--backfill"), "no model named"),
        (("forecast", "--backfill", "--batches", f"{JANUARY},2020-13"), "2020-13"),
    ],
)
def test_a_wrong_request_scores_nothing(site: Site, words: tuple[str, ...], said: str) -> None:
    answer = site("score", *words, code=2)
    assert said in answer.err
    assert "none" in site("why", f"forecast/predictions@{JANUARY}").out


@pytest.mark.slow
def test_batches_of_long_ago_are_scored_when_asked_for(site: Site) -> None:
    assert site.json("status", "forecast")["predictions"] == []
    done = site.json("score", "forecast", "--backfill", "--batches", f"{JUNE},{JANUARY}")
    assert (done["version"], done["batches"], done["had"]) == ("v0", [JANUARY, JUNE], [])
    assert done["run"]["executed"] == [
        f"forecast/predictions@{JANUARY}",
        f"forecast/predictions@{JUNE}",
    ]
    again = site("score", "forecast", "--backfill", "--batches", JUNE)
    assert f"have predictions already: {JUNE}" in again.err
    assert site.json("plan")["run"] == []
    january, june = site.json("status", "forecast")["predictions"]
    # January's rows were trained on, June's are test.
    assert january["realized"]["measured"] == 0
    assert june["realized"]["measured"] == 27
    assert f"predictions of {JUNE} by v0: 27 rows, mae" in site("status", "forecast").out
    tree = site("lineage", f"forecast/predictions@{JUNE}").out
    assert "forecast/candidate:v0" in tree
    assert f"sales-{JUNE}.csv" in tree
