"""trial: a challenger beside the champion: how it stands, ending it, how long one takes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ml_assets.adapters.mlflow.process import Publisher
from ml_assets.cli.console import out, styled
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.cli.promotions import ModelName, Reason, planner_of, show_log
from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError
from ml_assets.history.trials import Running, running
from ml_assets.history.trials import end as end_trial
from ml_assets.store.promotions import REFUSED
from ml_assets.store.records import Current

app = typer.Typer(no_args_is_help=True)


@app.command()
@guarded
def status(model: ModelName, as_json: bool = JSON) -> None:
    """Show the trial that is on, or how the last one ended.

    Example: ml-assets trial status flight_delay
    """
    planner = planner_of(model)
    home = planner.home
    now, held = running(home, model), home.records.current(home.env, f"{model}/trial")
    document = None if held is None else home.objects.json(held.outputs["trial"].digest)
    entries = [e for e in home.promotions.verify(home.env, model) if "trial" in e.evidence]
    last = entries[-1] if entries else None
    on = _asked(planner, model) and now is not None
    mine = held is not None and now is not None and _of(held, now)
    if as_json:
        emit(
            {
                "model": model,
                "environment": home.env,
                "on": on,
                "champion": None if now is None else f"v{now.champion.version}",
                "challenger": None if now is None else f"v{now.challenger.version}",
                "since": None if now is None else now.since,
                "trial": document if mine or not on else None,
                "ended": None if last is None else last.to_json(),
            }
        )
        return
    if on and now is not None:
        title = f" v{now.challenger.version} beside champion v{now.champion.version}"
        out.print(styled((model, "bold"), f"{title} since {now.since[:19]}"))
        said = document["sentence"] if mine and document else "the next run begins to compare them"
        out.print(f"  {said}")
    else:
        out.print(styled((model, "bold"), " no trial is on"))
    if last is not None:
        out.print(f"  the last: v{last.version} {last.action} at {last.at[:19]}: {last.reason}")


def _asked(planner: Planner, model: str) -> bool:
    return planner.project.models[model].gate.trial is not None


def _of(held: Current, pairing: Running) -> bool:
    """Return whether the trial's document is about those that are compared now."""
    pair = (pairing.champion.digest, pairing.challenger.digest)
    return pair == (held.facts["champion"], held.facts["challenger"])


@app.command()
@guarded
def end(model: ModelName, reason: Reason, as_json: bool = JSON) -> None:
    """End the trial that is on: the champion stays, the challenger no longer waits.

    Example: ml-assets trial end flight_delay --reason "Newark has a new runway"
    """
    planner = planner_of(model)
    home = planner.home
    if not reason.strip():
        raise RequestError("--reason is empty; the log needs a reason")
    current_trial = running(home, model)
    if current_trial is None or not _asked(planner, model):
        raise RequestError(
            f"{model}: no trial is running; `ml-assets status {model}` shows which version waits"
        )
    held = home.records.current(home.env, f"{model}/trial")
    evidence = {}
    if held is not None and _of(held, current_trial):
        evidence["trial"] = held.outputs["trial"].digest
    with Publisher(planner.workspace) as publisher, working("writing the promotion log"):
        entry = end_trial(home, model, current_trial, REFUSED, reason.strip(), evidence)
        show_log(planner, model, publisher)
    if as_json:
        emit(entry.to_json())
        return
    said = f" v{entry.version} no longer waits; champion is v{current_trial.champion.version}"
    out.print(styled((model, "bold"), f"{said} (entry {entry.number})"))
    next_one = running(home, model)
    if next_one is not None:
        out.print(f"  v{next_one.challenger.version}, which waited behind it, is on trial now")


@app.command()
@guarded
def plan(
    model: ModelName,
    draws: Annotated[
        int, typer.Option("--draws", min=20, max=10_000, help="How many trials to simulate.")
    ] = 300,
    as_json: bool = JSON,
) -> None:
    """Simulate how long a trial takes, from days that two versions have both predicted.

    Example: ml-assets trial plan flight_delay
    """
    planner = planner_of(model)
    from ml_assets.operations.trial_plan import planned

    simulated = planned(planner.home, planner.project, model, draws)
    if as_json:
        emit({"model": model, "environment": planner.home.env, **asdict(simulated)})
        return
    out.print(
        styled(
            (model, "bold"),
            f" {simulated.blocks} {simulated.block}s of {', '.join(simulated.pairs)}",
        )
    )
    for line in simulated.lines:
        out.print(f"  {_said(simulated.block, simulated.loss, asdict(line))}")


def _said(block: str, loss: str, line: dict[str, Any]) -> str:
    if line["planted"] == 0:
        what = "no difference"
    else:
        what = f"{loss} less by {-line['difference']:.3g} ({-100 * line['planted']:g}%)"
    shares = ", ".join(
        f"{100 * line['verdicts'][name]:.0f}% {name}"
        for name in ("better", "worse", "equivalent", "undecided")
        if line["verdicts"][name]
    )
    return (
        f"{what}: {shares}; {line['median']:.0f} {block}s in the median, {line['most']:.0f} in "
        "nine of ten"
    )
