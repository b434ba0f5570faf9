"""What a step reports to Dagster about its units: materializations, checks, failures.

A step over a range of batches yields its outputs first and then logs each batch's own
materialization and checks. So the latest event of each partition is exact, whereas Dagster itself
writes one data version for the entire range. An unpartitioned asset is reported by its output.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import dagster as dg

from ml_assets.assets.edges import entry_of
from ml_assets.assets.registry import KINDS, function
from ml_assets.engine.make import Outcome
from ml_assets.graph.effects import Effect, mark_published
from ml_assets.graph.events import (
    check_evaluation,
    materialization,
    metadata,
    observation,
)
from ml_assets.graph.keys import asset_of, key_of
from ml_assets.graph.monitoring import read_once
from ml_assets.graph.resource import Engine
from ml_assets.stages.quality.words import listed
from ml_assets.store.records import Current


def publish(
    context: dg.AssetExecutionContext,
    engine: Engine,
    outcomes: Sequence[Outcome],
    chosen: Sequence[str],
    code_version: str,
) -> Iterator[Any]:
    """Yield and log the results of a step's units; `chosen` assets are in data-flow order.

    Raises dg.Failure naming every fault, after publishing the good results.
    """
    faults = [outcome for outcome in outcomes if outcome.fault is not None]
    waiting = [outcome for outcome in outcomes if outcome.waiting is not None]
    good = [outcome for outcome in outcomes if outcome.current]
    problem = None
    if good and not good[0].unit.partition:
        problem = yield from _single(context, engine, good[0], chosen)
    elif good:
        if not faults and not waiting:
            for asset in chosen:
                current = next(c for c in good[-1].current if c.asset == asset)
                version = dg.DataVersion(current.digest)
                yield dg.MaterializeResult(asset_key=key_of(asset), data_version=version)
        with read_once():
            for outcome in good:
                _log_batch(context, engine, outcome, code_version)
                _let_go(context)
    if good and not faults and not waiting:
        yield from _whole_checks(context, engine)
    for outcome in waiting:
        context.log.warning(outcome.waiting or "")
    if problem is not None:
        raise dg.Failure(problem, allow_retries=False)
    if faults or (waiting and outcomes[0].unit.partition):
        raise _failure(faults, waiting)
    if not good and not waiting and not all(entry_of(asset).sparse for asset in chosen):
        said = f"nothing is made for these batches; `ml-assets why {chosen[0]}@BATCH` says why"
        raise dg.Failure(said, allow_retries=False)


def _single(
    context: dg.AssetExecutionContext, engine: Engine, outcome: Outcome, chosen: Sequence[str]
) -> Generator[Any, None, str | None]:
    """Yield an unpartitioned unit after its effect; return a problem."""
    home, project = engine.maker.planner.home, engine.maker.planner.project
    named = KINDS[outcome.unit.kind].effect
    effect = function(named)(engine, outcome.current[0]) if named else Effect()
    _observe(context, outcome)
    shown = {current.asset: current for current in outcome.current}
    for asset in chosen:
        current = shown[asset]
        said = metadata(home, project, current, _reused(outcome, current))
        yield dg.MaterializeResult(
            asset_key=key_of(asset),
            data_version=dg.DataVersion(current.digest),
            metadata={**said, **effect.metadata},
        )
        if effect.problem is None:
            effect.mark(home, current)
    return effect.problem


def _log_batch(
    context: dg.AssetExecutionContext, engine: Engine, outcome: Outcome, code_version: str
) -> None:
    """Log the materializations and checks of one batch, then mark them as published."""
    home, project = engine.maker.planner.home, engine.maker.planner.project
    _observe(context, outcome)
    for current in outcome.current:
        reused = _reused(outcome, current)
        seen = context.instance.event_log_storage.get_maximum_record_id()
        context.log_event(materialization(home, project, current, reused, code_version, seen))
        for check in current.checks:
            context.log_event(check_evaluation(current.asset, current.partition, check))
        mark_published(home, current)


def _let_go(context: dg.AssetExecutionContext) -> None:
    """Free the logged events, which Dagster would keep in memory until the run ends."""
    deque(context.op_execution_context.consume_events(), maxlen=0)


def _observe(context: dg.AssetExecutionContext, outcome: Outcome) -> None:
    landing = next((c.facts.get("landing") for c in outcome.current), None)
    if landing is not None:
        context.log_event(observation(outcome.unit, landing))


def _reused(outcome: Outcome, current: Current) -> bool:
    return all(cell.asset != current.asset for cell in outcome.executed)


def _whole_checks(
    context: dg.AssetExecutionContext, engine: Engine
) -> Iterator[dg.AssetCheckResult]:
    """Yield the result of each check over all current batches: failed if one is."""
    home, project = engine.maker.planner.home, engine.maker.planner.project
    names = sorted({asset_of(key.asset_key) for key in context.selected_asset_check_keys})
    held = {name: home.records.checks(home.env, name) for name in names}
    for key in sorted(context.selected_asset_check_keys):
        name = asset_of(key.asset_key)
        by_batch = {
            batch: check
            for batch, checks in held[name].items()
            for check in checks
            if check["name"] == key.name
        }
        if not by_batch:
            continue
        order = project.ordered(name.split("/")[0], by_batch)
        verdicts = {batch: by_batch[batch] for batch in order}
        red = [batch for batch in order if verdicts[batch]["passed"] is False]
        errors = [batch for batch in red if verdicts[batch]["severity"] == "error"]
        about = (errors or red or order)[-1]
        shown = check_evaluation(name, None, verdicts[about])
        counts = {"batches": len(verdicts), "batches_failed": len(red)} if about else {}
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=not red,
            severity=shown.severity,
            description=_over_batches(len(verdicts), red, about) + (shown.description or ""),
            metadata={**counts, **shown.metadata},
        )


def _over_batches(count: int, red: Sequence[str], about: str) -> str:
    """Return a text about how many batches pass, and which one is described; empty without batches.

    >>> _over_batches(3, ["2020-01", "2020-02"], "2020-01")
    '2 of 3 batches do not pass: 2020-01, 2020-02. 2020-01: '
    """
    if not about:
        return ""
    if not red:
        return f"All {count} batches pass. {about}: "
    verb = "does" if len(red) == 1 else "do"
    return f"{len(red)} of {count} batches {verb} not pass: {listed(list(red))}. {about}: "


def _failure(faults: Sequence[Outcome], waiting: Sequence[Outcome]) -> dg.Failure:
    said = [outcome.fault or "" for outcome in faults]
    said += [outcome.waiting or "" for outcome in waiting]
    traces = "\n\n".join(outcome.trace for outcome in faults if outcome.trace)
    return dg.Failure(
        description="\n".join(said),
        metadata={"traceback": dg.MetadataValue.md(f"```\n{traces}\n```")} if traces else None,
        allow_retries=False,
    )
