"""Sites that lie, come late, leave, say no or are of another version, in real rounds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_assets.engine.plan import Planner
from ml_assets.federated import quiet
from ml_assets.federated.site import folder_of
from ml_assets.workspace import locate
from ml_assets_tests.federated import misbehaving
from ml_assets_tests.federated.visits import clinics, rows

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]
WAIT = 30
SITES: dict[str, str] = {
    "honest": "",
    "plain": "",
    "lying": misbehaving.NAN_THEN_HUGE,
    "late": misbehaving.when("number == 2", misbehaving.LATE.format(2 * WAIT), misbehaving.SHAPE),
    "gone": misbehaving.when("kind == 'train'", misbehaving.GONE),
    "unwilling": misbehaving.when("number == 2", misbehaving.NO),
    "other": misbehaving.OTHER_VERSION,
}


@contextmanager
def _conducted(
    root: Path, sites: dict[str, str], spec: dict[str, str]
) -> Iterator[tuple[Planner, Any]]:
    lines = [line for n, site in enumerate(sites) for line in rows(site, 1000, n)]
    shell = clinics(root, lines, {"[alpha, beta, gamma]": f"[{', '.join(sites)}]", **spec})
    with shell.inside():
        workspace = locate()
        planner = Planner(workspace, workspace.open_home())
        tampered = {name: body for name, body in sites.items() if body}
        try:
            yield planner, misbehaving.conducted(planner, "stay", tampered)
        finally:
            planner.home.close()


def _said(result: Any) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for event in result["events"]:
        said.setdefault(event["site"], []).append(f"{event['round']}: {event['said']}")
    return said


def test_rounds_go_on_without_sites_that_misbehave(tmp_path: Path) -> None:
    spec = {"rounds: 2": "rounds: 3", "wait: 60": f"wait: {WAIT}", "trees: 12": "trees: 4"}
    with _conducted(tmp_path, SITES, spec) as (planner, result):
        log = misbehaving.log_of(planner, "stay", "other")
    said = _said(result)
    # The SuperLink answers for a node that is gone; who it was is seen by who did not answer.
    assert all("failed: Error: Node Unavailable" in line for line in said.pop("a site", []))
    assert said["other"] == ["0: did not come"]
    assert set(said) == set(SITES) - {"honest", "plain"}
    first, second = said["lying"]
    assert first.startswith("1: sent what cannot be believed, not used: ")
    assert "NaN is not a number" in first
    assert second.startswith("2: sent what cannot be believed, not used: ")
    assert "wanted at most" in second
    first, second = said["late"]
    assert "a child that is not after its parent" in first
    assert second == f"2: did not answer within {WAIT} s"
    assert [line[:1] for line in said["gone"]] == ["1", "2"]
    assert said["unwilling"] == ["2: said no: our lawyers called"]
    assert "other" not in result["plan"]["rows"]
    assert "it has another version of ml_assets" in log
    # What was learned is of those that could be believed.
    assert {n for n, about in result["sites"].items() if "metrics" in about} == {
        "honest",
        "plain",
    }
    assert result["curve"][2] < result["curve"][0]
    assert all(abs(leaf) < 100 for tree in result["trees"] for leaf in tree["leaf"])


def test_a_site_that_leaves_in_the_middle_of_masking(tmp_path: Path) -> None:
    """Its masks are on the others' answers, and are removed by the shares of its key.

    Then another says no, and of two the mean would show each: the rounds end with what there is.
    """
    sites = dict.fromkeys(("alpha", "beta"), "")
    sites["gamma"] = misbehaving.when("number == 2", misbehaving.NO)
    sites["delta"] = misbehaving.when("stage == 'collect_masked_vectors'", misbehaving.GONE)
    spec = {
        "    trees: 12\n    num_leaves: 8\n    learning_rate: 0.3\n": (
            "    learner: linear\n    secure_aggregation: true\n"
        ),
        "rounds: 2": "rounds: 4",
        "wait: 60": f"wait: {WAIT}",
    }
    with _conducted(tmp_path, sites, spec) as (planner, result):
        folders = {name: folder_of(planner, "stay", name) for name in ("alpha", "beta", "gamma")}
        wanted = quiet.coefficients(result["plan"], folders, 1)
    said = _said(result)
    assert {line[:1] for line in said["delta"]} == {"1", "2"}
    assert said["gamma"] == ["2: said no: our lawyers called"]
    assert any("spoiled the round: too few sites answered" in line for line in said["a site"])
    assert (len(result["curve"]), result["rounds"]) == (1, 1)
    # A coefficient is one of 2^22 numbers between -8 and 8.
    assert np.allclose(result["coefficients"], wanted, rtol=0, atol=1e-4)
