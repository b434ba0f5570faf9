"""A change of two ranges of batches, the first with a fault: no candidate is made without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ml_assets.engine.plan import planner_here
from ml_assets.graph import sensor_plan
from ml_assets.graph.build import definitions
from ml_assets_tests import warm
from ml_assets_tests.cli.shell import Site, toy_site
from ml_assets_tests.projects import FEATURES, MONTHS

pytestmark = pytest.mark.slow

BUILD = "def build(sales, prices, prices_previous):\n"
FAULT = """    if (sales["day"].dt.month == 2).any():
        raise ValueError("no February")
"""
MADE = [f"2020-0{number}" for number in (1, 4, 5, 6)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give six months that are two ranges, as March has no prices; February's features fail."""
    with toy_site(tmp_path / "project") as site:
        site.toy.edit(FEATURES, BUILD, BUILD + FAULT)
        for month in MONTHS:
            site.toy.land("sales", month)
            if month != "2020-03":
                site.toy.land("prices", month)
        yield site


def _features(site: Site) -> list[str]:
    return [c.partition("@")[2] for c in sorted(site.digests()) if c.startswith("forecast/f")]


def _mended(site: Site) -> None:
    site.toy.edit(FEATURES, 'raise ValueError("no February")', "pass")


def test_the_command_makes_the_other_batches_and_no_candidate(site: Site) -> None:
    answer = site.json("run", code=1)
    assert [cell for cell in answer["failed"] if "@" in cell] == ["forecast/features@2020-02"]
    assert any("no February" in fault for fault in answer["faults"])
    assert _features(site) == MADE
    assert not {cell for cell in site.digests() if cell.startswith("forecast/") and "@" not in cell}

    # Nor does a selection that begins behind the fault.
    behind = site.json("run", "forecast/train_split+")
    assert behind["executed"] == []
    why = "forecast waits: features of 2020-02 are missing: their run failed or is still to come"
    assert why in behind["waits"]

    _mended(site)
    assert site.json("run")["success"]
    with site.store() as home:
        split = home.records.current("dev", "forecast/train_split")
        assert split is not None
        assert split.facts["batches"]["train"] == ["2020-01", "2020-02"]


def test_the_sensor_requests_no_run_that_trains_without_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensor_plan, "QUIET", 0.0)
    monkeypatch.setattr(sensor_plan, "BACKOFF", (0.0, 0.0))
    with site.dagster() as instance, site.inside():
        ran = []
        while len(ran) < 8 and _features(site) != MADE:
            ran.append(_reconciled(site, instance))
        # The range of February fails; it keeps those after it back no more than once.
        assert ran[0] is False
        assert _features(site) == MADE
        assert not {c for c in site.digests() if c.startswith("forecast/") and "@" not in c}
        _mended(site)
        for _ in range(6):
            assert _reconciled(site, instance)
            if "forecast/train_split" in site.digests():
                break
    with site.store() as home:
        split = home.records.current("dev", "forecast/train_split")
        assert split is not None
        assert split.facts["batches"]["train"] == ["2020-01", "2020-02"]


def _reconciled(site: Site, instance: dg.DagsterInstance) -> bool:
    """Make a tick and the run that it requests, as the daemon does; tell whether it succeeded."""
    site.toy.forget()
    planner = planner_here()
    planner.home.close()
    defs = definitions(planner)
    with warm.python():
        tick = defs.resolve_sensor_def("reconcile").evaluate_tick(
            dg.build_sensor_context(instance=instance)
        )
        (request,) = tick.run_requests or []
        return (
            defs.resolve_job_def(str(request.job_name))
            .execute_in_process(
                instance=instance,
                tags=request.tags,
                asset_selection=request.asset_selection,
                raise_on_error=False,
            )
            .success
        )
