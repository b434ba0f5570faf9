"""What is told of a candidate and its report is of one version, also while a run is under way."""

from __future__ import annotations

from typing import Any

from ml_assets.adapters.decision import decided, standing
from ml_assets.cli.inspect import model_status
from ml_assets.history.reported import newest_report, standing_of
from ml_assets_tests.projects import FORECAST, Toy

MEDIAN = "      median: {family: median}\n"


def test_a_new_candidate_has_no_metrics_of_the_one_before(made: Toy) -> None:
    home = made.planner().home
    first = standing_of(home, "forecast")
    assert first.candidate is not None
    assert first.report is not None
    assert (first.candidate.number, first.report.number) == (0, 0)
    # Another leaderboard, and a run that has come as far as the candidate.
    made.edit(FORECAST, MEDIAN, f"{MEDIAN}      middle: {{family: median}}\n")
    made.make("forecast/candidate")
    now = standing_of(home, "forecast")
    assert now.candidate is not None
    assert (now.candidate.number, now.report) == (1, None)
    assert now.candidate.outputs["model"] == first.candidate.outputs["model"], "the same model"
    said = model_status(made.planner(), made.plan(), "forecast")["candidate"]
    assert (said["version"], said["report"]) == ("v1", None)
    assert "metrics" not in said
    before = newest_report(home, "forecast", first.candidate.outputs)
    assert before is not None
    assert before.digest == first.report.digest
    assert newest_report(home, "forecast", now.candidate.outputs) is None
    made.make("forecast/evaluation_report")
    then = standing_of(home, "forecast")
    assert then.report is not None
    said = model_status(made.planner(), made.plan(), "forecast")["candidate"]
    assert said["metrics"]["test"] == then.report.facts["metrics"]["test"]
    assert said["report"].endswith(f"evaluation_report-v{then.report.number}.html")


def test_what_a_log_says_is_read_at_once(made: Toy) -> None:
    home = made.planner().home
    found = standing_of(home, "forecast")
    assert found.candidate is not None
    digest = found.candidate.digest
    more: dict[str, Any] = {
        "version": 0,
        "digest": digest,
        "expected": digest,
        "actor": "me",
        "reason": "later",
    }
    home.promotions.append("dev", "forecast", action="waiting", **more)
    then, now = found.entries, standing_of(home, "forecast").entries
    assert str(standing(then)["champion"]).startswith("v0 promoted")
    assert (standing(then)["challenger"], str(standing(now)["challenger"])[:10]) == (
        None,
        "v0 waiting",
    )
    assert str(decided(then, digest)).startswith("v0 promoted")
    assert str(decided(now, digest)).startswith("v0 waiting")
