"""The champion unit: whether the candidate can be served, and may become champion.

This module selects what is compared; effects carry out the decision (`graph/effects`,
`history/decisions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.checks import checks_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.recipes import agreement
from ml_assets.engine.recipes.candidate import family_module, family_modules, fit_spec
from ml_assets.engine.recipes.dataset import cleaned_of
from ml_assets.engine.recipes.evaluation import role_of
from ml_assets.engine.recipes.features import seen_of
from ml_assets.engine.recipes.made_from import judged_folds
from ml_assets.engine.recipes.previous import digest_of
from ml_assets.engine.recipes.raw_parity import RAW_PARITY, raw_parity
from ml_assets.engine.recipes.recorded import CHECK, as_recorded
from ml_assets.engine.recipes.splits import FOLDS, feature_inputs
from ml_assets.engine.sensitive import sensitive_inputs, undeclared
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.history.decisions import candidate_of, compared_with
from ml_assets.history.past import Past, past
from ml_assets.keys.action import Action, Hooks, Input, Pending
from ml_assets.spec.crossed import CrossedSpec
from ml_assets.spec.families import FromRounds
from ml_assets.spec.gate import DecideSpec, Described, ParitySpec, RedCheck, TrainingData
from ml_assets.spec.model import FitSpec, ModelSpec
from ml_assets.spec.project import Project
from ml_assets.store.digest import json_digest
from ml_assets.store.objects import Ref
from ml_assets.store.promotions import LogEntry
from ml_assets.store.records import Pointer, Version
from ml_assets.workspace import Workspace

ONNX = "ml_assets.stages.release.onnx:to_onnx"
SERVED = "ml_assets.serve.fresh_process:served"
CROSSED = "ml_assets.stages.gate.crossed:crossed"


def policy_of(model: ModelSpec) -> str:
    """Return the digest of a model's policy; a candidate is decided once for each.

    It covers the gate's rules and the acknowledgements, since those ask for a new decision.
    """
    acknowledged = model.features.leakage.acknowledged
    said = {"acknowledged": acknowledged} if acknowledged else {}
    return json_digest({**model.gate.model_dump(mode="json", exclude_defaults=True), **said})


def champion_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a model's decision."""
    stages = ["ml_assets.stages.gate.parity", "ml_assets.stages.gate.decide"]
    stages.append(RAW_PARITY.partition(":")[0])
    if project.models[name].gate.few_rows != "refuse":
        stages.append(CROSSED.partition(":")[0])
    hooks = [hook.partition(":")[0] for hook in (ONNX, SERVED)]
    families = family_modules(project, workspace, name)
    model = project.models[name]
    return Versioned([*stages, *hooks, *families], [model.gate, model.features.leakage])


def champion(session: Session, unit: Unit) -> Sequence[Made]:
    """Check that the candidate can be served, and decide on it once for each policy."""
    (cell,) = unit.cells()
    made = session.upstream(Cell(f"{unit.group}/candidate"))
    report = session.upstream(Cell(f"{unit.group}/evaluation_report"))
    folds, waits = judged_folds(session, unit, made)
    absent = made.waiting or report.waiting
    if absent is None and waits is None:
        waits = agreement.of_candidate(session, unit, made, folds)
        waits = waits or agreement.of_report(session, unit, report, made, folds)
    waits = absent or (waits and f"{unit.group} waits: {waits}")
    if waits is not None:
        return [Made(cell, {}, {}, waiting=waits)]
    policy = policy_of(session.project.models[unit.group])
    digest = digest_of(made)
    if digest is None:
        return [_decision(session, unit, Judged(_pending(made), report, folds), policy)]
    entry = session.home.promotions.decided(session.home.env, unit.group, digest, policy)
    decided = None if entry is None else _decided(session, cell, entry)
    if decided is not None:
        return [decided]
    against = compared_with(session.home, unit.group, digest, policy)
    rival = None if against is None else past(session.home, unit.group, against)
    return [_decision(session, unit, Judged(made, report, folds, digest, against, rival), policy)]


@dataclass(frozen=True)
class Judged:
    """A candidate, its report and folds, and the champion with which it is compared."""

    made: Made
    report: Made
    folds: Mapping[str, Made]
    digest: str | None = None
    """The candidate's; None if it is not known yet."""
    against: str | None = None
    """The champion's; None if there is none."""
    rival: Past | None = None
    """The champion; None if there is none, or the store has lost what it needs."""


def _pending(made: Made) -> Made:
    """Return a candidate that is not known yet with a model that is not known either.

    Its model may be that of a version that was decided on, and the candidate another version.
    """
    later = next(value for value in made.outputs.values() if isinstance(value, Pending))
    return replace(made, outputs={**made.outputs, "model": later})


def _decided(session: Session, cell: Cell, entry: LogEntry) -> Made | None:
    """Return the decision behind an entry of the log, if the store still has it.

    Later changes cause no new decision: neither of the champion, nor of code or checks. Two
    decisions may be equal; the current record tells which actions made this one.
    """
    for held in _held(session, cell):
        if held.outputs["decision"].digest != entry.evidence["decision"]:
            continue
        made, whole = as_recorded(session, cell, held, {})
        if whole:
            facts = _facts(session, held.outputs["decision"], entry.digest, entry.evidence)
            return replace(made, facts=facts)
    return None


def _held(session: Session, cell: Cell) -> Iterator[Pointer | Version]:
    """Yield the current record of a cell, then every version, which are read only if needed."""
    current = session.current.get((cell.asset, cell.partition))
    yield from () if current is None else (current,)
    yield from session.home.records.versions(cell.asset)


def _decision(session: Session, unit: Unit, judged: Judged, policy: str) -> Made:
    model = session.project.models[unit.group]
    done: dict[str, Done | Undone] = {"parity": _parity(session, unit, judged)}
    parity = done["parity"]
    family = _family(session, unit, judged.made)
    raw = raw_parity(session, unit, judged.made, judged.folds["test"], parity, family)
    if raw is not None:
        parity = done[raw.part] = session.act(unit, raw)
    red, unsure = _red_checks(session, model, judged.folds)
    inputs: dict[str, Input] = {
        "model": judged.made.outputs["model"],
        **{fold: judged.folds[fold].outputs[fold] for fold in FOLDS},
        "features": _features(session, unit, judged),
        "metrics": unsure or judged.report.outputs["metrics"],
        "parity": parity.outputs["parity"],
    }
    if model.gate.protected is not None:
        inputs["protected"] = judged.report.outputs["protected"]
    hooks: dict[str, Hooks] = {"family": _family(session, unit, judged.made)}
    compared: Action | None = None
    if judged.against is not None:
        rival = judged.rival
        inputs |= _rival_inputs(session, unit, judged)
        if rival is not None and rival.family in session.sources.closure([rival.family]):
            hooks["champion_family"] = rival.family
            compared = _crossed(session, unit, judged, inputs, hooks)
    if compared is not None:
        done["crossed"] = session.act(unit, compared)
        inputs["crossed"] = done["crossed"].outputs["crossed"]
    spec = _decide_spec(session, unit, judged, red)
    stage = "ml_assets.stages.gate.decide:decide"
    decide = session.act(unit, Action("decide", stage, spec, inputs, hooks))
    facts: Mapping[str, Any] = {}
    if isinstance(decide, Done) and judged.digest is not None:
        evidence = {"policy": policy, "against": judged.against or ""}
        facts = _facts(session, decide.outputs["decision"], judged.digest, evidence)
    outputs = {name: decide.outputs[name] for name in ("decision", "report")}
    (cell,) = unit.cells()
    checks = {
        entry.name: session.act(
            unit,
            Action(
                f"{CHECK}{entry.name}", entry.stage, spec, {"decision": decide.outputs["decision"]}
            ),
        )
        for entry in checks_of(cell.name)
    }
    return Made(cell, outputs, {**done, "decide": decide}, checks, facts)


def _crossed(
    session: Session,
    unit: Unit,
    judged: Judged,
    inputs: Mapping[str, Input],
    hooks: Mapping[str, Hooks],
) -> Action | None:
    """Return the comparison by cross-validation, if the spec asks for one on few rows."""
    model, rival = session.project.models[unit.group], judged.rival
    chosen = role_of(session, judged.made, "chosen")
    if model.gate.few_rows == "refuse" or model.split.kind != "hash" or rival is None:
        return None
    if chosen not in model.training.families:
        return None
    told = {name: value for name, value in rival.fit.items() if name in FitSpec.model_fields}
    families = (fit_spec(model, chosen).family, FitSpec.model_validate(told).family)
    if any(isinstance(family, FromRounds) for family in families):
        # Nothing here can fit it again.
        return None
    params = CrossedSpec(
        fit=fit_spec(model, chosen),
        champion=FitSpec.model_validate(told),
        min_rows=model.gate.min_rows,
        not_worse=model.gate.not_worse,
        grouped=bool(model.split.group),
        seed=model.gate.seed,
    )
    needed = [name for name in inputs if name not in ("metrics", "parity")]
    return Action("crossed", CROSSED, params, {name: inputs[name] for name in needed}, hooks)


def _features(session: Session, unit: Unit, judged: Judged) -> Input:
    """Return the features of the folds; all features if an age is limited, for their times."""
    model = session.project.models[unit.group]
    needed = feature_inputs(session, unit, list(judged.folds.values()))
    if model.gate.max_age_days is None or not isinstance(needed, Mapping):
        return needed
    calendar = session.project.datasets[model.dataset].calendar
    batches = session.batches(model.dataset) if calendar else [""]
    by_batch = {b: session.upstream(Cell(f"{unit.group}/features", b)) for b in batches}
    return {b: made.outputs["features"] for b, made in by_batch.items() if made.waiting is None}


def _parity(session: Session, unit: Unit, judged: Judged) -> Done | Undone:
    gate = session.project.models[unit.group].gate
    inputs: dict[str, Input] = {
        "model": judged.made.outputs["model"],
        "test": judged.folds["test"].outputs["test"],
        "features": feature_inputs(session, unit, [judged.folds["test"]]),
    }
    spec = ParitySpec(model=unit.group, parity=gate.parity, max_latency_ms=gate.max_latency_ms)
    hooks: dict[str, Hooks] = {
        "family": _family(session, unit, judged.made),
        "onnx": ONNX,
        "served": SERVED,
    }
    return session.act(
        unit, Action("parity", "ml_assets.stages.gate.parity:parity", spec, inputs, hooks)
    )


def _family(session: Session, unit: Unit, made: Made) -> str:
    """Return the module of the chosen family; that of any family while it is not known."""
    families = session.project.models[unit.group].training.families
    name = role_of(session, made, "chosen")
    family = families[name if name in families else next(iter(families))]
    return family_module(session.workspace, unit.group, family)


def _rival_inputs(session: Session, unit: Unit, judged: Judged) -> dict[str, Input]:
    """Return the champion's model and its original training rows."""
    rival = judged.rival
    if rival is None:
        number = candidate_of(session.home, unit.group, str(judged.against)).number
        lost = {
            "lost": f"the store has lost inputs or training data of v{number} "
            f"(`ml-assets recreate {unit.group} v{number}` lists them)"
        }
        folds = {f"champion_{f}": judged.folds[f].outputs[f] for f in ("train", "validation")}
        return {"champion": session.home.objects.put(lost), **folds}
    return {
        "champion": rival.model,
        "champion_train": rival.folds["train"],
        "champion_validation": rival.folds["validation"],
        "champion_features": dict(rival.features),
    }


def _decide_spec(
    session: Session, unit: Unit, judged: Judged, red: Sequence[RedCheck]
) -> DecideSpec:
    model = session.project.models[unit.group]
    excluded = judged.folds["train"].facts.get("excluded", ())
    named = model.gate.slices.names if model.gate.slices is not None else ()
    rival = judged.rival
    slices = model.evaluation.slices if named is None else named
    known = seen_of(session, unit.group)
    hidden = sensitive_inputs(session.project, unit.group, known)
    unknown = undeclared(session.project, unit.group, known)
    return DecideSpec(
        model=unit.group,
        task=model.task,
        metric=model.training.metric,
        target=model.target,
        target_unit=model.target_unit,
        key=session.project.datasets[model.dataset].key,
        slices=slices,
        sensitive=tuple(name for name in slices if name in hidden),
        undeclared=tuple(name for name in slices if name in unknown),
        gate=model.gate,
        data=TrainingData(
            refused=tuple(excluded), red=tuple(red), dummy=_dummy(session, model, judged.made)
        ),
        champion=(
            None
            if rival is None or rival.target is None
            else Described(target=rival.target, key=rival.key, inputs=rival.inputs)
        ),
        inputs=session.project.inputs(unit.group),
    )


def _dummy(session: Session, model: ModelSpec, candidate: Made) -> bool:
    """Return whether any dataset of the model, or batch that its candidate saw, is made up."""
    marked = any(session.project.datasets[name].dummy for name in _datasets(model))
    return marked or "dummy" in candidate.facts


def _datasets(model: ModelSpec) -> tuple[str, ...]:
    return (model.dataset, *(join.dataset for join in model.joins))


def _red_checks(
    session: Session, model: ModelSpec, folds: Mapping[str, Made]
) -> tuple[list[RedCheck], Pending | None]:
    """Return the failed checks of the training data, or what must run before they are known."""
    red: list[RedCheck] = []
    unsure: list[Cell] = []
    for made in _trained_on(session, model, folds):
        unsure += [made.cell] if any(isinstance(a, Undone) for a in made.checks.values()) else []
        red += [
            RedCheck(
                asset=made.cell.asset,
                batch=made.cell.partition,
                name=check["name"],
                severity=check["severity"],
                text=check["description"],
            )
            for check in _verdicts(session, made)
            if check["passed"] is False
        ]
    return red, Pending(tuple(sorted(unsure))) if unsure else None


def _trained_on(session: Session, model: ModelSpec, folds: Mapping[str, Made]) -> Iterator[Made]:
    """Yield the fold with the checks of all batches, and the cells behind the folds.

    Those are the features and cleaned batches of train and validation.
    """
    yield folds["test"]
    group = folds["train"].cell.group
    batches = {
        batch
        for fold in ("train", "validation")
        for batch in folds[fold].facts.get("batches", {}).get(fold, ())
    }
    ordered = session.project.ordered(group, batches)
    for batch in ordered:
        yield session.upstream(Cell(f"{group}/features", batch))
    for dataset in _datasets(model):
        snapshot = session.project.datasets[dataset].calendar is None
        for batch in [""] if snapshot else ordered:
            yield cleaned_of(session, dataset, batch)


def _verdicts(session: Session, made: Made) -> Iterator[Mapping[str, Any]]:
    """Yield the check results about a cell's content."""
    if made.actions:
        done = {name: a for name, a in made.checks.items() if isinstance(a, Done)}
        checks = [{**check, "name": name} for name, a in done.items() for check in a.record.checks]
    else:
        held = session.home.records.current(session.home.env, made.cell.asset, made.cell.partition)
        checks = [] if held is None else [dict(check) for check in held.checks]
    # If a correction was refused, the checks of `cleaned` are about the refused content.
    other = {entry.name for entry in checks_of(made.cell.name)} if "follows" in made.facts else ()
    yield from (check for check in checks if check["name"] not in other)


def _facts(
    session: Session, decision: Ref, digest: str, evidence: Mapping[str, str]
) -> dict[str, Any]:
    """Return the facts of a decision that its effects need."""
    document = session.home.objects.json(decision.digest)
    return {
        "candidate": digest,
        "against": evidence["against"] or None,
        "policy": evidence["policy"],
        "verdict": document["verdict"],
        "reason": document["sentence"],
        **({"on_new": document["gate"]["trial"]["on_new"]} if document["mode"] == "trial" else {}),
    }
