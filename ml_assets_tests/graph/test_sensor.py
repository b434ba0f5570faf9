"""How often the sensor plans: real ticks on a real instance, the plan's processes counted."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ml_assets.engine.plan import planner_here
from ml_assets.errors import MlAssetsError
from ml_assets.graph import sensor_plan
from ml_assets.graph.build import definitions
from ml_assets.graph.sensor import repair_sensor
from ml_assets_tests import warm
from ml_assets_tests.cli.shell import Site, toy_site
from ml_assets_tests.projects import SALES

pytestmark = pytest.mark.slow


class Ticks:
    """A sensor that is asked again and again, as the daemon does it."""

    def __init__(self, site: Site, instance: dg.DagsterInstance, log: Path) -> None:
        self.site = site
        self.instance = instance
        self._log = log
        self._cursor: str | None = None
        planner = planner_here()
        planner.home.close()
        self.sensor = definitions(planner).resolve_sensor_def("reconcile")
        self.requests: list[dg.RunRequest] = []

    def __call__(self) -> str:
        """Make a tick; return why nothing is requested, or the empty text."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self._cursor)
        data = self.sensor.evaluate_tick(context)
        self._cursor = data.cursor
        self.requests += data.run_requests or []
        return data.skip_message or ""

    @property
    def plans(self) -> int:
        """How many processes were started to plan."""
        return self._log.read_text().count("plan --json") if self._log.exists() else 0

    def fail(self) -> None:
        """Let the run that was last requested have failed."""
        tags = self.requests[-1].tags
        run = dg.DagsterRun("materialize", status=dg.DagsterRunStatus.FAILURE, tags=tags)
        self.instance.add_run(run)


@pytest.fixture
def ticks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticks]:
    """Give the sensor of a project in which one batch of prices has landed."""
    python, log = tmp_path / "python", tmp_path / "started"
    with warm.python():
        python.write_text(
            f'#!/bin/sh\necho "$@" >> {shlex.quote(str(log))}\nexec {sys.executable} "$@"\n'
        )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(sensor_plan, "QUIET", 0.0)
    with toy_site(tmp_path / "project") as site:
        site.toy.land("prices", "2020-01")
        with site.dagster() as instance, site.inside():
            yield Ticks(site, instance, log)


def test_a_wait_after_a_failure_costs_no_plan(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ticks() == ""
    ticks.fail()
    assert ticks().startswith("failed once; the next attempt is in ")
    assert ticks.plans == 2
    assert {ticks()[:11] for _ in range(5)} == {"failed once"}
    assert ticks.plans == 2
    monkeypatch.setattr(sensor_plan, "BACKOFF", (0.0, 0.0))
    assert ticks() == ""
    assert (ticks.plans, len(ticks.requests)) == (3, 2)


def test_specs_that_cannot_be_read_are_not_planned_at_every_tick(ticks: Ticks) -> None:
    toy = ticks.site.toy
    toy.edit(SALES, "calendar: month", "calender: month")
    said = [ticks() for _ in range(3)]
    assert "did you mean 'calendar'" in said[0]
    assert "the next attempt is in" in said[2]
    assert ticks.plans == 1
    # So does the sensor that a location has while its specs are wrong.
    ticks.sensor = repair_sensor("wrong")
    assert all("did you mean 'calendar'" in ticks() for _ in range(3))
    assert ticks.plans == 2
    toy.edit(SALES, "calender: month", "calendar: month")
    assert ticks() == "press Reload definitions"
    assert ticks.plans == 3


def test_a_plan_that_crashes_is_a_failed_tick_and_then_waits(ticks: Ticks) -> None:
    Path(sys.executable).write_text("#!/bin/sh\necho gone wrong >&2\nexit 3\n")
    with pytest.raises(MlAssetsError, match="planning failed:\ngone wrong"):
        ticks()
    assert [ticks().startswith("planning failed:\ngone wrong") for _ in range(2)] == [True, True]
    assert "the next attempt is in" in ticks()


def test_a_link_to_nowhere_in_landing_is_no_failed_tick(ticks: Ticks) -> None:
    (ticks.site.home / "landing" / "prices" / "prices-2020-02.csv").symlink_to("/nonexistent")
    assert ticks() == ""
    assert len(ticks.requests) == 1
