"""Changes against the previous candidate, on rows that neither has seen.

Belongs here: paired figures, overall and by declared slice. Does not belong here: which candidate
is the previous one (a recipe), words (`evaluate/sections/change`), decisions (`gate`).

Intervals are percentiles of the paired block bootstrap, as in `evaluate`. Slices are tested both
ways: a t-test with the bootstrap's standard error, widened for few blocks (Hesterberg, "What
Teachers Should Know About the Bootstrap", The American Statistician 69, 2015, §5.3), and Holm's
correction over all slices (Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages import metrics as standard
from ml_assets.stages.evaluate import bootstrap, slices
from ml_assets.stages.evaluate.rows import Fitted
from ml_assets.stages.paired import comparable
from ml_assets.stages.paired.rows import Mask, PairedRows, read
from ml_assets.stages.paired.seen import checked, seen_keys
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.spec.model import ChangeSpec
    from ml_assets.stages.result import Handle


def change(
    spec: ChangeSpec,
    *,
    family: Any,
    model: Handle,
    train: Handle,
    validation: Handle,
    test: Handle,
    features: Mapping[str, Handle],
    predictions: Handle,
    other_family: Any = None,
    other: Handle | None = None,
    other_train: Handle | None = None,
    other_validation: Handle | None = None,
    other_features: Mapping[str, Handle] | None = None,
) -> Result:
    """Return `change` (JSON): rows, metrics of both models, paired differences, slices.

    `predictions` are those that `evaluate` made. `other` is the previous candidate's model document
    (None if there is none), `other_train`, `other_validation` and `other_features` what it was
    fitted on. `why` says why nothing was compared. Differences are this candidate's metric minus
    the previous one's, in the metric's unit. StageError if folds refer to features that were not
    passed.
    """
    if other is None:
        return _nothing(spec, "this is the first candidate")
    assert other_train is not None
    assert other_validation is not None
    before = other_features or {}
    ours, theirs = Fitted(model.json(), family), Fitted(other.json(), other_family)
    why = _why_not(spec, ours, theirs, features, before)
    if why is not None:
        return _nothing(spec, why)
    own = [train.table(), validation.table()]
    checked(test.table(), features)
    # For multiclass the predictions hold only the likeliest class's probability.
    known = spec.task != "multiclass"
    said = predictions.table(["prediction"])["prediction"].to_numpy() if known else None
    rows = read(test.table(), features, ours, theirs, spec.slices, grouped=False, said=said)
    if rows.other is None:
        return _nothing(spec, f"the previous candidate could not predict these rows: {rows.fails}")
    theirs_seen = seen_keys([other_train.table(), other_validation.table()], before)
    by_us, by_them = rows.seen_by(seen_keys(own, features), theirs_seen)
    kept = ~(by_us | by_them) & _finite(rows)
    count = {"test": len(kept), "seen_by_previous": int(by_them.sum()), "left": int(kept.sum())}
    if count["left"] < 2:
        why = (
            f"rows that neither model was trained or chosen on: {count['left']:,} of "
            f"{count['test']:,} in test, wanted at least 2"
        )
        return _nothing(spec, why)
    return Result({"change": {**_said(spec, None), "rows": count, **_figures(spec, rows, kept)}})


def _nothing(spec: ChangeSpec, why: str) -> Result:
    return Result({"change": _said(spec, why)})


def _said(spec: ChangeSpec, why: str | None) -> dict[str, Any]:
    return {"previous": spec.previous, "metric": spec.metric, "why": why}


def _why_not(
    spec: ChangeSpec,
    ours: Fitted,
    theirs: Fitted,
    features: Mapping[str, Handle],
    before: Mapping[str, Handle],
) -> str | None:
    """Return why no comparison is possible, before any row is predicted."""
    silent = comparable.why_silent(ours, theirs)
    if silent is not None:
        return f"the previous candidate cannot predict: {silent}"
    if not spec.key and not spec.inputs:
        return "rows have neither key nor inputs, so it is unknown which each model has seen"
    reasons = comparable.why_not(spec, spec.said, ours.model, theirs.model, features, before)
    return f"the two models predict different things: {'; '.join(reasons)}" if reasons else None


def _finite(rows: PairedRows) -> Mask:
    """Return (n,) which rows have a target and two numeric predictions."""
    finite = np.isfinite(rows.target)
    for prediction in (rows.candidate, rows.other):
        finite &= np.isfinite(np.asarray(prediction).reshape(len(finite), -1)).all(axis=1)
    return np.asarray(finite, dtype=bool)


def _figures(spec: ChangeSpec, rows: PairedRows, kept: Mask) -> dict[str, Any]:
    """Return the metrics of both models on the kept rows, and their differences."""
    assert rows.other is not None
    part = replace(
        rows,
        target=rows.target[kept],
        candidate=rows.candidate[kept],
        other=rows.other[kept],
        time=rows.time[kept],
        slices={name: column.filter(pa.array(kept)) for name, column in rows.slices.items()},
    )
    asked = spec.intervals
    draws = bootstrap.draw(part.time, asked.block, asked.resamples, spec.seed)
    whole = np.zeros(len(part.target), dtype=np.int64)
    figures = {}
    for name in standard.named(spec.task, (spec.metric,)):
        spread = _spread(name, part, draws, whole, 1)[:, 0]
        both = _both(spec, name, part, np.ones(len(whole), dtype=bool))
        figures[name] = both | _difference(both, bootstrap.interval(spread, asked.level))
    return {
        "same": bool(np.array_equal(part.candidate, np.asarray(part.other))),
        "level": asked.level,
        "bootstrap": draws.note,
        "figures": figures,
        "slices": _by_slice(spec, part, draws),
    }


def _both(spec: ChangeSpec, name: str, rows: PairedRows, kept: Mask) -> dict[str, float | None]:
    """Return a metric of both models on some of the rows; None if it has no value."""
    assert rows.other is not None
    target = rows.target[kept]
    if standard.why_undefined(name, target) is not None:
        return {"now": None, "before": None}
    now, before = (standard.function(spec.task, name, at) for at in rows.at)
    return {
        "now": now(target, rows.candidate[kept]),
        "before": before(target, rows.other[kept]),
    }


def _difference(both: Mapping[str, float | None], spread: list[float] | None) -> dict[str, Any]:
    now, before = both["now"], both["before"]
    if now is None or before is None:
        return {"difference": None, "interval": None}
    return {"difference": now - before, "interval": spread}


def _spread(name: str, rows: PairedRows, draws: bootstrap.Draws, group: Any, groups: int) -> Any:
    """Return the difference of a metric by draw and group of rows: (draws, groups)."""
    assert rows.other is not None
    now, before = (
        bootstrap.distribution(name, rows.target, prediction, draws, group, groups, at)
        for prediction, at in zip((rows.candidate, rows.other), rows.at, strict=True)
    )
    return now - before


def _by_slice(spec: ChangeSpec, rows: PairedRows, draws: bootstrap.Draws) -> list[dict[str, Any]]:
    """Return one entry per value of a slice, in the order of the spec, most rows first.

    `p` is None if a slice has fewer than 100 rows or 5 blocks; `adjusted` is p after Holm.
    """
    entries = []
    for name in spec.slices:
        labels, code = slices.groups(rows.slices[name])
        spread = _spread(spec.metric, rows, draws, code, len(labels))
        for number, label in enumerate(labels):
            part = code == number
            both = _both(spec, spec.metric, rows, part)
            around = bootstrap.interval(spread[:, number], spec.intervals.level)
            spans = slices.blocks(draws, part)
            difference = _difference(both, around if spans > 1 else None)
            entry = {"slice": name, "value": label, "rows": int(part.sum()), **both, **difference}
            few = entry["rows"] < slices.FEW_ROWS or spans < slices.FEW_BLOCKS
            p = None if few else _p(difference["difference"], spread[:, number], draws)
            entries.append(entry | {"few": few, "p": p})
    return _holm(entries)


def _p(difference: float | None, spread: Any, draws: bootstrap.Draws) -> float | None:
    """Return the two-sided p-value of a difference, or None if it has none."""
    from scipy import special

    spread = spread[np.isfinite(spread)]
    if difference is None or len(spread) < 2:
        return None
    count = draws.counts.shape[1]
    error = float(spread.std(ddof=1)) * np.sqrt(count / (count - 1))
    if error == 0.0:
        return 1.0 if difference == 0.0 else 0.0
    return float(2.0 * special.stdtr(count - 1, -abs(difference) / error))


def _holm(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries with `adjusted`, their p-value after Holm's correction."""
    tested = sorted((e for e in entries if e["p"] is not None), key=lambda e: e["p"])
    reached = 0.0
    for rank, entry in enumerate(tested):
        reached = max(reached, min(entry["p"] * (len(tested) - rank), 1.0))
        entry["adjusted"] = reached
    return [{"adjusted": None, **entry} for entry in entries]
