"""Alert sensors under the real daemon: a webhook on this machine is told what reports warn of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ml_assets_tests.cli.shell import Site
from ml_assets_tests.graph.daemon import Daemon, running
from ml_assets_tests.graph.test_daemon import FEATURES, put
from ml_assets_tests.prepared import prepared_site
from ml_assets_tests.projects import FORECAST, STORES, sales
from ml_assets_tests.webhook import Server, listening

pytestmark = pytest.mark.slow

ALERTS = "  monitoring: {alerts: {webhook: 'env:TOLD'}}\n  gate:"
PAGE = "http://dagster.example"
RETURN = "    price = price_of(sales, prices)\n"
FAILS = '    raise ZeroDivisionError("north")\n'
PATIENCE = 300.0
"""A run and, after it, a sensor that looks every half minute."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, Server]]:
    """Give a daemon on a project with a champion that is watched, and the webhook it tells."""
    with prepared_site(tmp_path_factory, "alerted") as site, listening() as server:
        site.toy.edit(FORECAST, "  gate:", ALERTS)
        address = f"http://127.0.0.1:{server.server_port}/token-4711"
        site.more |= {"TOLD": address, "ML_ASSETS_DAGSTER_URL": PAGE}
        with running(site) as daemon:
            yield daemon, server


def land(site: Site, month: str) -> None:
    """Put a month into the landing folders, its prices in cents instead of dollars."""
    lines = [f"{store},{70000 + number}" for number, store in enumerate(STORES)]
    put(site, "prices", month, ("\n".join(["store,price", *lines]) + "\n").encode())
    put(site, "sales", month, sales(month, rows=200))


def told(daemon: Daemon, server: Server, count: int) -> dict[str, Any]:
    """Wait until the webhook was sent so many documents, and return the newest."""
    daemon.until(lambda: len(server.got) >= count, PATIENCE)
    assert len(server.got) == count, server.got
    return server.got[-1]


def reported(daemon: Daemon, month: str) -> None:
    """Wait until a month has its monitoring report, and the run that made it is over."""

    def there() -> bool:
        with daemon.site.store() as home:
            held = home.records.current("dev", "forecast/monitoring_report", month)
        return held is not None and all(run.is_finished for run in daemon.runs())

    daemon.until(there, PATIENCE)


def evaluated(daemon: Daemon, sensor: str) -> int:
    """Return how often a sensor was evaluated."""
    states = daemon.instance.all_instigator_state()
    return sum(
        len(daemon.instance.get_ticks(state.instigator_origin_id, state.selector_id))
        for state in states
        if state.instigator_name == sensor
    )


def test_a_wrong_unit_a_repeated_one_and_a_failed_run(watched: tuple[Daemon, Server]) -> None:
    daemon, server = watched
    site = daemon.site
    land(site, "2020-07")
    first = told(daemon, server, 1)
    assert (first["model"], first["batch"], first["environment"]) == ("forecast", "2020-07", "dev")
    said = first["warnings"]["input_drift"]
    # Which columns, how far, and what was allowed.
    assert said.startswith("2 of 4 changed: rise, price; most of all rise, effect 1, limit 0.24")
    assert first["link"] == f"{PAGE}/assets/forecast/monitoring_report?partition=2020-07"
    assert first["text"].splitlines()[-1] == first["link"]

    land(site, "2020-08")
    reported(daemon, "2020-08")
    seen = evaluated(daemon, "alerts")
    site.toy.edit(FEATURES, RETURN, FAILS + RETURN)
    failed = told(daemon, server, 2)
    (run,) = [run for run in daemon.runs() if run.status.value == "FAILURE"][:1]
    assert failed["warnings"] == {"run": f"run {run.run_id[:8]} failed; Dagster's page says why"}
    assert failed["link"] == f"{PAGE}/runs/{run.run_id}"
    # August is as wrong as July: everything that it warns of was told, though it was looked at.
    daemon.until(lambda: evaluated(daemon, "alerts") > seen + 1, PATIENCE)
    assert [sent for sent in server.got if "run" not in sent["warnings"]] == [first]
    # No value of a row, and no address.
    sent = json.dumps(server.got)
    assert not [value for value in ("70000", "70001", "north", "4711") if value in sent]
