"""When a model is trained again, by commands alone: estimates, a rollback, an edited policy."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from ml_assets_tests.cli.shell import Site, toy_site
from ml_assets_tests.projects import FORECAST, SALES, STORES, sales

pytestmark = pytest.mark.slow
FIRST = ("2020-01", "2020-02", "2020-03", "2020-04")
MAY, JUNE = "2020-05", "2020-06"
CANDIDATE = "forecast/candidate"


def policy(site: Site, text: str) -> None:
    site.toy.edit(FORECAST, "  gate:", f"  retrain: {text}\n  gate:")


def reason(site: Site) -> str:
    """Return why the candidate is deferred, after `plan`, `why` and `status` said the same."""
    (row,) = site.json("plan", CANDIDATE)["deferred"]
    (cell,) = site.json("why", CANDIDATE)["cells"]
    said = str(row["reason"])
    assert (cell["status"], cell["reason"]) == ("deferred", said)
    assert site.json("status", "forecast")["deferred"] == said
    return said


def uneven(month: str, stores: tuple[str, ...] = STORES, labels: bool = True) -> bytes:
    """Return a month of thirty sales a day; those of the last store vary forty times as much."""
    random, number = Random(month), int(month[-2:])
    lines = ["sale,day,store,promo" + ",units" * labels]
    for row in range(840):
        store = stores[row % len(stores)]
        promo, spread = row // 3 % 2, 20 if store == STORES[-1] else 0.5
        units = 100 + 60 * promo + random.uniform(-spread, spread)
        day = f"{month}-{1 + row % 28:02}"
        known = f"{number * 1000 + row},{day},{store},{bool(promo)}"
        lines.append(known + f",{units:.3f}" * labels)
    return ("\n".join(lines) + "\n").encode()


def test_an_estimated_loss_trains_before_labels_come(tmp_path: Path) -> None:
    with toy_site(tmp_path / "project") as site:
        site.toy.edit(SALES, "  time: day\n", "  time: day\n  labels: later\n")
        policy(site, "{when: {loss: estimated}}\n  monitoring: {}")
        for month in FIRST:
            site.toy.land("sales", month, uneven(month))
            site.toy.land("prices", month)
        assert site.json("run")["success"]
        # As on test, a third of the sales of May are of the store that varies.
        land(site, MAY, STORES)
        site.toy.land("sales", "2020-01", uneven("2020-01").replace(b"True", b"False", 1))
        assert site.json("run")["success"]
        said = reason(site)
        assert said.startswith("not trained: estimated mae ")
        assert f"({MAY}), not clearly worse than " in said
        # In June all are, which says nothing new of how units come about.
        executed = land(site, JUNE, STORES[-1:]) + site.json("run")["executed"]
        verdict = site.json("policy", "forecast")["verdicts"][-1]
        assert (verdict["train"], verdict["by"]) == (True, None)
        assert verdict["reason"].startswith("estimated mae ")
        assert f"({JUNE}), worse than " in verdict["reason"]
        value, test = figures(verdict["reason"])
        # A uniform error of at most 20 is 10 on average; a third of such rows makes 3.5.
        assert 8 < value < 12
        assert 2.5 < test < 5
        assert CANDIDATE in executed


def land(site: Site, month: str, stores: tuple[str, ...]) -> list[str]:
    """Land a month without labels, and run; return what was executed."""
    site.toy.land("sales", month, uneven(month, stores, labels=False))
    site.toy.land("prices", month)
    ran = site.json("run")
    assert ran["success"]
    return list(ran["executed"])


def figures(said: str) -> tuple[float, float]:
    """Return the estimate and the figure on test in a reason."""
    words = said.split()
    return float(words[2]), float(words[words.index("than") + 1])


def test_a_rollback_changes_nothing_of_a_deferral(tmp_path: Path) -> None:
    with toy_site(tmp_path / "project") as site:
        site.toy.edit(FORECAST, "test: 2", "test: 1")
        site.toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
        site.toy.land_all(FIRST)
        assert site.json("run")["success"]
        site.toy.land_all([MAY, JUNE])
        assert site.json("run")["success"]
        assert site.json("champion", "forecast")["champion"]["version"] == 1
        policy(site, "{when: {new_rows: 400}}")
        site.toy.land("sales", "2020-02", sales("2020-02", extra=1.0))
        assert list(site.json("run")["deferred"]) == ["forecast"]
        before = reason(site)
        assert before.startswith("not trained: 27 new rows of 400; last ")
        site("rollback", "forecast", "--reason", "complaints")
        assert reason(site) == before
        assert site.json("run")["deferred"] == {"forecast": before}
        assert site.json("champion", "forecast")["champion"]["version"] == 0
        assert site.json("plan")["run"] == []
        verdicts = site.json("policy", "forecast")["verdicts"]
        assert [verdict["reason"] for verdict in verdicts] == [before]
        # Promoted again meanwhile, it is trained when its time has come as if nothing had been.
        site("promote", "forecast", "v1", "--reason", "it was something else")
        site.toy.edit(FORECAST, "new_rows: 400", "new_rows: 20")
        assert CANDIDATE in site.json("run")["executed"]


def test_a_replay_follows_an_edited_policy_without_a_training(site: Site) -> None:
    site.toy.edit(FORECAST, "test: 2", "test: 1")
    policy(site, "{when: {new_rows: 100}}")

    def replay() -> Any:
        found = site.json("replay", "forecast", "--warm-up", "1")
        (own,) = [row for row in found["policies"] if row["name"] == "the spec's policy"]
        return found, own["trained_before"]

    first, before = replay()
    assert first["executed"] > 0
    site.toy.edit(FORECAST, "new_rows: 100", "new_rows: 20")
    again, after = replay()
    assert (before, after) == ([], [JUNE])
    assert again["executed"] == 0
    assert again["models"] == first["models"]
    kept = ("always", "never", "best in hindsight")
    assert [row for row in again["policies"] if row["name"] in kept] == [
        row for row in first["policies"] if row["name"] in kept
    ]
    # Trying a policy is not having it: nothing is trained, and no verdict is on record.
    assert site.json("policy", "forecast")["verdicts"] == []
