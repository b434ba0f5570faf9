"""Training out of turn: a person has a model trained on data that its policy defers.

Belongs here: who may, and recording it. Does not belong here: the policy (`engine/retrain`),
running.
"""

from __future__ import annotations

from dataclasses import replace

from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError, UnknownName
from ml_assets.history.decisions import ACTOR, actor


def check_now(
    planner: Planner, model: str | None, reason: str | None, *, now: bool, other: bool
) -> None:
    """Raise RequestError or UnknownName unless this person may train this model out of turn."""
    if not now:
        raise RequestError("--reason is for --now: ml-assets run MODEL --now --reason …")
    if other:
        raise RequestError("--now is for a whole model, without --partition, --force and --verify")
    if model is None or model not in planner.project.models:
        raise UnknownName.of("model", model or "", planner.project.models)
    if not (reason or "").strip():
        raise RequestError("--reason is missing; the log needs a reason")
    owners, me = planner.project.models[model].owners, actor()
    if owners and me not in owners:
        raise RequestError(
            f"{me} is not an owner of {model}; its owners may train it out of turn: "
            f"{', '.join(owners)} ({ACTOR} says who you are)"
        )


def ask(planner: Planner, model: str, reason: str) -> bool:
    """Record that a deferred candidate is to be trained; return whether one was deferred."""
    plan = planner.plan(f"{model}/candidate", look=False)
    verdict = next((item.verdict for item in plan.having("deferred")), None)
    if verdict is None or not verdict.inputs:
        return False
    me, why = actor(), reason.strip()
    asked = replace(
        verdict, train=True, said=f"asked for by {me}: {why}", due_at=None, by=me, reason=why
    )
    return planner.home.verdicts.log(planner.home.env, model, asked)
