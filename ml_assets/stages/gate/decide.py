"""May the candidate become champion? Evidence, rules, one verdict.

Belongs here: the order of steps and the decision document. Does not belong here: statistics
(`compare`), single rules (`rules`), the promotion itself (an effect, not a stage).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from ml_assets.stages.evaluate.rows import Fitted
from ml_assets.stages.gate import compare, page, rules
from ml_assets.stages.paired import comparable
from ml_assets.stages.paired.rows import PairedRows, read
from ml_assets.stages.paired.seen import checked, seen_keys
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds

if TYPE_CHECKING:
    from ml_assets.spec.gate import DecideSpec
    from ml_assets.stages.result import Handle

FORMAT = 1


@dataclass
class Evidence:
    """Results of the comparison; all None if there was none."""

    comparison: str
    reasons: Sequence[str] = ()
    fails: str | None = None
    few: str = ""
    rows: dict[str, int] | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    slices: list[dict[str, Any]] | None = None
    crossed: dict[str, Any] | None = None
    """The comparison by cross-validation, or why there is none."""


def decide(
    spec: DecideSpec,
    *,
    family: Any,
    model: Handle,
    train: Handle,
    validation: Handle,
    test: Handle,
    features: Mapping[str, Handle],
    metrics: Handle,
    parity: Handle,
    champion_family: Any = None,
    champion: Handle | None = None,
    champion_train: Handle | None = None,
    champion_validation: Handle | None = None,
    champion_features: Mapping[str, Handle] | None = None,
    crossed: Handle | None = None,
    protected: Handle | None = None,
) -> Result:
    """Return `decision` (JSON) and `report` (HTML), as described in the package's docstring.

    StageError if folds refer to features that were not passed.
    """
    candidate = Fitted(model.json(), family)
    own = [train.table(), validation.table()]
    for table in (*own, test.table()):
        checked(table, features)
    if champion is None:
        evidence = Evidence("first")
    elif champion.digest == model.digest:
        evidence = Evidence("same")
    else:
        assert champion_train is not None
        assert champion_validation is not None
        before = champion_features or {}
        incumbent = Fitted(champion.json(), champion_family)
        evidence = _ready(spec, candidate, incumbent, features, before)
        if not evidence.comparison:
            rows = _rows(spec, test, features, candidate, incumbent)
            seen = seen_keys([champion_train.table(), champion_validation.table()], before)
            _compare(spec, evidence, rows, seen_keys(own, features), seen)
            _crosswise(evidence, crossed)
    lines = _lines(spec, evidence, metrics.json(), parity.json(), _age(own, features))
    if protected is not None and spec.gate.protected is not None:
        lines.append(rules.protected(spec.gate.protected, protected.json()))
    verdict = _verdict(spec, lines, evidence)
    decision = {
        "format": FORMAT,
        "model": spec.model,
        "verdict": verdict,
        "sentence": _sentence(verdict, lines, evidence, spec.gate.mode),
        "mode": spec.gate.mode,
        "comparison": evidence.comparison,
        "candidate": model.digest,
        "champion": None if champion is None else champion.digest,
        "metric": spec.metric,
        "unit": spec.target_unit,
        "rows": evidence.rows,
        "figures": evidence.figures,
        "slices": evidence.slices or [],
        "unjudged": rules.unjudged(spec, evidence.slices or ()),
        "rules": lines,
        "gate": spec.gate.model_dump(mode="json"),
    }
    if evidence.crossed is not None:
        decision["crossed"] = evidence.crossed
        if "why" not in evidence.crossed:
            evidence.figures["crossed"] = evidence.crossed
    report = page.page(decision)
    return Result({"decision": decision, "report": report}, {"verdict": verdict})


def _ready(
    spec: DecideSpec,
    candidate: Fitted,
    champion: Fitted,
    features: Mapping[str, Handle],
    before: Mapping[str, Handle],
) -> Evidence:
    """Return why no comparison is possible, before any row is predicted."""
    if not spec.key and not spec.inputs:
        return Evidence("no_keys")
    silent = comparable.why_silent(candidate, champion)
    if silent is not None:
        return Evidence("champion_fails", fails=silent)
    reasons = comparable.why_not(
        spec, spec.champion, candidate.model, champion.model, features, before
    )
    return Evidence("not_comparable" if reasons else "", reasons)


def _rows(
    spec: DecideSpec,
    test: Handle,
    features: Mapping[str, Handle],
    candidate: Fitted,
    champion: Fitted,
) -> PairedRows:
    grouped = spec.gate.not_worse.block == "group"
    names = compare.shown(spec) if spec.gate.slices is not None else ()
    return read(test.table(), features, candidate, champion, names, grouped)


def _compare(
    spec: DecideSpec, evidence: Evidence, rows: PairedRows, ours: Any, theirs: Any
) -> None:
    """Fill in rows, figures and slices: on all rows, on seen rows, and on unseen rows."""
    if rows.fails is not None:
        evidence.comparison, evidence.fails = "champion_fails", rows.fails
        return
    by_us, by_them = rows.seen_by(ours, theirs)
    kept = ~(by_us | by_them)
    evidence.rows = {
        "test": len(kept),
        "seen_by_candidate": int(by_us.sum()),
        "seen_by_champion": int(by_them.sum()),
        "left": int(kept.sum()),
    }
    evidence.figures = {
        "all": compare.pair(spec, rows, np.ones(len(kept), dtype=bool)),
        "seen": compare.pair(spec, rows, ~kept),
        "unseen": compare.pair(spec, rows, kept),
    }
    evidence.comparison = "too_few"
    if int(kept.sum()) < spec.gate.min_rows:
        return
    draws, evidence.few = compare.draw(spec.gate.not_worse, rows, kept, spec.gate.seed)
    if draws is None:
        return
    evidence.comparison = "compared"
    evidence.figures["unseen"] = compare.overall(spec, rows, kept, draws)
    if spec.gate.slices is not None:
        evidence.slices = compare.by_slice(spec, spec.gate.slices, rows, kept, draws)


def _crosswise(evidence: Evidence, crossed: Handle | None) -> None:
    """Take the comparison by cross-validation where there are too few unseen rows."""
    if crossed is not None and evidence.comparison == "too_few":
        evidence.comparison, evidence.crossed = "crossed", crossed.json()


def _lines(
    spec: DecideSpec,
    evidence: Evidence,
    metrics: Mapping[str, Any],
    parity: Mapping[str, Any],
    days: float | None,
) -> list[rules.Line]:
    compared = evidence.comparison == "compared"
    return [
        rules.keys(spec),
        rules.comparable(evidence.comparison, evidence.reasons, evidence.fails),
        rules.unseen_rows(spec, evidence.rows, evidence.few, evidence.crossed),
        rules.beats_baseline(spec, metrics),
        rules.not_worse(spec, evidence.figures["unseen"] if compared else None)
        if evidence.crossed is None
        else rules.crossed(spec, evidence.crossed),
        rules.slices(spec, evidence.slices),
        rules.parity(parity, spec.data),
        rules.size(spec, parity),
        rules.latency(spec, parity),
        rules.quality(spec),
        rules.complete(spec),
        rules.real_data(spec),
        rules.age(spec, days),
    ]


def _verdict(spec: DecideSpec, lines: Sequence[rules.Line], evidence: Evidence) -> str:
    failed = {line["effect"] for line in lines if line["passed"] is False}
    if "refuse" in failed:
        return "refuse"
    # Without a champion there is nothing to try a model against, nor against the same model.
    tried = spec.gate.mode == "trial" and evidence.comparison not in ("first", "same")
    return "challenger" if failed or tried or spec.gate.mode == "manual" else "promote"


def _sentence(
    verdict: str, lines: Sequence[rules.Line], evidence: Evidence, mode: str = "manual"
) -> str:
    """Return the decision in one sentence, with the decisive reasons."""
    effect = {"refuse": "refuse", "challenger": "wait"}.get(verdict)
    why = [line["text"] for line in lines if line["passed"] is False and line["effect"] == effect]
    if verdict == "refuse":
        return f"Refused: {'; '.join(why)}."
    if why:
        return f"Waits as challenger: {'; '.join(why)}."
    by_rule = {line["rule"]: line["text"] for line in lines}
    against = evidence.comparison in ("compared", "crossed")
    shown = by_rule["not_worse" if against else "beats_baseline"]
    if evidence.comparison == "first":
        shown = f"the first model, with no champion to compare with; {shown}"
    if evidence.comparison == "same":
        shown = f"the same model as the champion; {shown}"
    if verdict == "challenger" and mode == "trial":
        return f"Passed; a trial beside the champion decides: {shown}."
    if verdict == "challenger":
        return f"Passed; waits as challenger because the mode is manual: {shown}."
    return f"Promoted: {shown}."


def _age(own: Sequence[Any], features: Mapping[str, Handle]) -> float | None:
    """Return the days from the newest row trained on to the newest row available, or None."""
    trained = [rows["_time"] for table in own for _, rows in folds.read(table, features, ["_time"])]
    there = [handle.table(["_time"])["_time"] for handle in features.values()]
    newest = [
        max(
            (value for value in (pc.max(column).as_py() for column in columns) if value),
            default=None,
        )
        for columns in (trained, there)
    ]
    if newest[0] is None or newest[1] is None:
        return None
    return float((newest[1] - newest[0]).total_seconds() / 86400.0)
