"""policy: when new data train a model, what was decided, what another would have done."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ml_assets.cli.console import out, styled
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.cli.promotions import ModelName, planner_of
from ml_assets.engine.plan import Planner
from ml_assets.operations.policy_past import Step, past_of, read_policy
from ml_assets.spec.retrain import Retrain


@guarded
def policy(
    model: ModelName,
    attempt: Annotated[
        list[str] | None,
        typer.Option(
            "--try",
            help="A condition, such as new_rows=5000 or drift: what it would have done on the "
            "past. Repeatable: any of them.",
        ),
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Show when new data train a model, and every verdict: trained or not, and why.

    Example: ml-assets policy flight_delay --try new_rows=5000
    """
    planner = planner_of(model)
    if attempt:
        tried = read_policy(attempt)
        with working("reading the past"):
            steps = past_of(planner, model, tried)
        _tell_past(model, tried, steps, as_json)
        return
    _tell_log(planner, model, as_json)


def _tell_past(model: str, tried: Retrain, steps: list[Step], as_json: bool) -> None:
    trained = sum(step.train for step in steps)
    if as_json:
        rows = [{"batch": s.batch, "train": s.train, "reason": s.said} for s in steps]
        policy = tried.model_dump(mode="json", exclude_defaults=True)
        emit({"model": model, "policy": policy, "trainings": trained, "steps": rows})
        return
    for step in steps:
        verdict = ("trained", "green") if step.train else ("not    ", "dim")
        # Beside the verdict it need not be said.
        said = step.said.removeprefix("not trained: ")
        out.print(styled(f"{step.batch:>10}  ", verdict, f"  {said}"))
    if steps:
        out.print(f"{model}: {trained} trainings in {len(steps)} batches")
    else:
        out.print(f"{model}: too few batches have landed for a first training")


def _tell_log(planner: Planner, model: str, as_json: bool) -> None:
    home, spec = planner.home, planner.project.models[model].retrain
    entries = home.verdicts.entries(home.env, model)
    rows: list[dict[str, Any]] = [
        {
            "at": entry.at,
            "train": entry.verdict.train,
            "reason": entry.verdict.said,
            "figures": dict(entry.verdict.figures),
            "by": entry.verdict.by or None,
        }
        for entry in entries
    ]
    if as_json:
        policy = spec.model_dump(mode="json", exclude_defaults=True)
        emit({"model": model, "environment": home.env, "policy": policy, "verdicts": rows})
        return
    for row in rows:
        verdict = ("trained", "green") if row["train"] else ("not    ", "dim")
        said = row["reason"].removeprefix("not trained: ")
        out.print(styled(f"{row['at'][:19]}  ", verdict, f"  {said}"))
    if spec.always:
        out.print(f"{model} is trained whenever its data change (retrain: always)")
    elif not rows:
        out.print(f"{model}: no new data yet under its policy")
