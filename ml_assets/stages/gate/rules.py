"""The rules of the gate: one function and one line of the decision each.

Belongs here: verdicts on evidence. Does not belong here: producing it (`compare`, `parity`),
the overall decision (`decide`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ml_assets.stages import metrics as standard
from ml_assets.stages.evaluate.protected import shown
from ml_assets.stages.gate.words import count, number
from ml_assets.stages.notes import UNDECLARED, explained

if TYPE_CHECKING:
    from ml_assets.spec.gate import DecideSpec, TrainingData
    from ml_assets.spec.protected import ProtectedGate

Effect = Literal["refuse", "wait"]
Line = dict[str, Any]
NAMED = 5
"""Most unjudged slices named in a line; the decision lists all."""


def line(
    rule: str,
    passed: bool | None,
    text: str,
    *,
    got: Any = None,
    wanted: Any = None,
    effect: Effect = "refuse",
) -> Line:
    """Return a line of the decision; `passed` is None if not required or not applicable."""
    return {
        "rule": rule,
        "passed": passed,
        "effect": effect,
        "got": got,
        "wanted": wanted,
        "text": text,
    }


def keys(spec: DecideSpec) -> Line:
    """Rows must have a key or inputs: otherwise it is unknown which rows a model has seen."""
    if spec.key:
        return line("keys", True, f"rows are identified by {', '.join(spec.key)}", wanted="a key")
    if spec.inputs:
        text = f"rows are identified by the values of {count(len(spec.inputs), 'column')}"
        return line("keys", True, text, wanted="a key")
    text = (
        "rows have neither a key nor inputs, so it is unknown which rows a model has seen: the "
        "gate cannot compare, and a person decides"
    )
    return line("keys", False, text, got="none", wanted="a key", effect="wait")


NOTHING_TO_COMPARE = {
    "first": "there is no champion to compare with",
    "same": "the candidate is the champion",
    "no_keys": "not compared: rows have neither key nor inputs",
}


def comparable(comparison: str, reasons: Sequence[str], fails: str | None) -> Line:
    """The champion must still load, and predict the same target from the same inputs."""
    if comparison in NOTHING_TO_COMPARE:
        return line("comparable", None, NOTHING_TO_COMPARE[comparison])
    if fails is not None:
        text = f"the champion cannot be used: {fails}; a person decides"
        return line("comparable", False, text, got=fails, wanted="predictions", effect="wait")
    if reasons:
        text = f"not comparable with the champion: {'; '.join(reasons)}; a person decides"
        return line("comparable", False, text, got=list(reasons), wanted="the same", effect="wait")
    return line("comparable", True, "the champion predicts the same target from the same inputs")


def unseen_rows(
    spec: DecideSpec,
    rows: Mapping[str, int] | None,
    few: str,
    crossed: Mapping[str, Any] | None = None,
) -> Line:
    """Enough rows must remain that neither model has seen, or all are compared crosswise."""
    wanted = spec.gate.min_rows
    if rows is None:
        return line(
            "unseen_rows", None, "no comparison, so no unseen rows are needed", wanted=wanted
        )
    text = (
        f"of {count(rows['test'], 'test row')} the champion has seen {rows['seen_by_champion']:,} "
        f"and the candidate {rows['seen_by_candidate']:,}; {rows['left']:,} remain unseen"
    )
    if crossed is not None:
        text += f", too few (wanted {wanted:,}), so all rows are compared by cross-validation"
        return line("unseen_rows", None, text, got=rows["left"], wanted=wanted)
    if rows["left"] < wanted:
        text += f", too few for a comparison (wanted {wanted:,})"
        return line("unseen_rows", False, text, got=rows["left"], wanted=wanted)
    if few:
        text += f", but {few}"
        return line("unseen_rows", False, text, got=rows["left"], wanted=wanted)
    return line("unseen_rows", True, text, got=rows["left"], wanted=wanted)


def beats_baseline(spec: DecideSpec, metrics: Mapping[str, Any]) -> Line:
    """The candidate must be better than the best trivial baseline, on the whole test fold."""
    asked, name, unit = spec.gate.beats_baseline, spec.metric, spec.target_unit
    value, base = metrics["test"][name], metrics["baseline"][name]
    low, high = (metrics["difference"][name][end] for end in ("low", "high"))
    got = {"candidate": value, "baseline": base, "low": low, "high": high}
    if asked == "off":
        return line("beats_baseline", None, "not required", got=got, wanted=asked)
    if value is None or base is None:
        return line("beats_baseline", False, f"{name} has no value on test", got=got, wanted=asked)
    said = f"{name} {number(name, value, unit)}, baseline {number(name, base, unit)}"
    notes = metrics.get("notes", ())
    if not standard.is_better(name, value, base):
        text = explained(f"not better: {said}", notes)
        return line("beats_baseline", False, text, got=got, wanted=asked)
    if asked == "clear" and (low is None or low <= 0.0 <= high):
        text = explained(f"better, but not beyond chance: {said}", notes)
        return line("beats_baseline", False, text, got=got, wanted=asked)
    return line("beats_baseline", True, f"better: {said}", got=got, wanted=asked)


def not_worse(spec: DecideSpec, figures: Mapping[str, Any] | None) -> Line:
    """On unseen rows the candidate must be shown not to be worse by more than the margin."""
    rule, name, unit = spec.gate.not_worse, spec.metric, spec.target_unit
    if figures is None:
        return line("not_worse", None, "not compared with a champion", wanted=rule.margin)
    if figures["limit"] is None:
        text = f"{name} has no interval on the unseen rows"
        return line("not_worse", False, text, wanted=rule.margin)
    limit, margin = figures["limit"], figures["margin"]
    better = "better" if figures["worse"] < 0 else "worse"
    text = (
        f"{name} {number(name, figures['candidate'], unit)} against the champion's "
        f"{number(name, figures['champion'], unit)} on {count(figures['rows'], 'unseen row')}: "
        f"{better} by {number(name, abs(figures['worse']), unit)}; at {rule.confidence * 100:g}% "
        f"confidence {_at_most(name, limit, unit)}, allowed {number(name, margin, unit)} worse"
    )
    return line("not_worse", limit <= margin, text, got=limit, wanted=margin)


def crossed(spec: DecideSpec, pair: Mapping[str, Any]) -> Line:
    """By cross-validation the candidate must be shown not to be worse by more than the margin.

    What is shown to be worse is refused; what is neither shown waits.
    """
    rule, name, unit = spec.gate.not_worse, spec.metric, spec.target_unit
    if "why" in pair:
        text = f"not decidable: {pair['why']}; a person decides"
        return line("not_worse", False, text, wanted=rule.margin, effect="wait")
    limit, low, margin = pair["limit"], pair["low"], pair["margin"]
    better = "better" if pair["worse"] < 0 else "worse"
    text = (
        f"{name} {number(name, pair['candidate'], unit)} against the champion's "
        f"{number(name, pair['champion'], unit)} in {pair['repeats']} cross-validations of "
        f"{count(pair['rows'], 'row')}: {better} by {number(name, abs(pair['worse']), unit)}; at "
        f"{rule.confidence * 100:g}% confidence {_at_most(name, limit, unit)}, allowed "
        f"{number(name, margin, unit)} worse"
    )
    if limit <= margin:
        return line("not_worse", True, text, got=limit, wanted=margin)
    if low > margin:
        return line("not_worse", False, text, got=limit, wanted=margin)
    text = f"not decidable on {count(pair['rows'], 'row')}: {text}; a person decides"
    return line("not_worse", False, text, got=limit, wanted=margin, effect="wait")


def _at_most(name: str, limit: float, unit: str | None) -> str:
    if limit < 0:
        return f"at least {number(name, -limit, unit)} better"
    return f"at most {number(name, limit, unit)} worse"


def slices(spec: DecideSpec, entries: Sequence[Mapping[str, Any]] | None) -> Line:
    """No slice may be shown to be worse by more than its margin."""
    rule = spec.gate.slices
    if rule is None or not spec.slices:
        return line("slices", None, "no slices are declared" if rule else "not required")
    left = unjudged(spec, entries or ())
    said = [f"{item['slice']}{_value(item)} ({item['reason']})" for item in left[:NAMED]]
    said += [f"and {len(left) - NAMED:,} more"] if len(left) > NAMED else []
    rest = f"; not judged: {', '.join(said)}" if said else ""
    if entries is None:
        return line("slices", None, f"not compared with a champion{rest}", wanted=rule.margin)
    judged = [entry for entry in entries if entry["judged"]]
    worse = [entry for entry in judged if entry["worse_shown"]]
    got = [f"{entry['slice']}={entry['value']}" for entry in worse]
    text = f"{count(len(judged), 'slice value')} compared"
    if not judged:
        return line("slices", None, f"{text}{rest}", got=got, wanted=rule.margin)
    if worse:
        first = worse[0]
        text += (
            f"; shown to be worse by more than the margin ({rule.margin}): {', '.join(got)} "
            f"({spec.metric} {number(spec.metric, first['champion'], spec.target_unit)} to "
            f"{number(spec.metric, first['candidate'], spec.target_unit)} in {got[0]})"
        )
    else:
        text += f"; none shown to be worse by more than the margin ({rule.margin})"
    return line("slices", not worse, f"{text}{rest}", got=got, wanted=rule.margin)


def unjudged(spec: DecideSpec, entries: Sequence[Mapping[str, Any]]) -> list[dict[str, str | None]]:
    """Return the slices that the gate could not judge, and why; values only where allowed."""
    if spec.gate.slices is None:
        return []
    hidden: list[dict[str, str | None]] = [
        {"slice": name, "value": None, "reason": _hidden(spec, name)}
        for name in spec.slices
        if name in spec.sensitive
    ]
    return hidden + [
        {"slice": entry["slice"], "value": entry["value"], "reason": entry["why"]}
        for entry in entries
        if not entry["judged"]
    ]


def _hidden(spec: DecideSpec, name: str) -> str:
    return UNDECLARED if name in spec.undeclared else "sensitive: values are not shown"


def _value(item: Mapping[str, str | None]) -> str:
    return "" if item["value"] is None else f"={item['value']}"


def parity(document: Mapping[str, Any], data: TrainingData) -> Line:
    """The served model must predict the same as the trained one, features included."""
    failed = [check for check in document["checks"] if check["passed"] is False]
    skewed = [check for check in data.red if check.name == "row_independence"]
    parts = [check["text"] for check in failed]
    parts += [f"{_place(check)}: {check.text or 'rows depend on each other'}" for check in skewed]
    if parts:
        text = "; ".join(parts)
        return line("parity", False, text, got=len(parts), wanted="the same predictions")
    asked = [check["name"] for check in document["checks"] if check["passed"]]
    text = f"the same for {count(document['rows'], 'row')} in a fresh process: {', '.join(asked)}"
    return line("parity", True, text, got=0, wanted="the same predictions")


def size(spec: DecideSpec, document: Mapping[str, Any]) -> Line:
    """The model document must fit its budget."""
    got, wanted = document["bytes"], spec.gate.max_bytes
    if wanted is None:
        return line("size", None, f"{got:,} bytes, no budget", got=got)
    text = f"{got:,} bytes, {'within' if got <= wanted else 'over'} the budget of {wanted:,}"
    return line("size", got <= wanted, text, got=got, wanted=wanted)


def latency(spec: DecideSpec, document: Mapping[str, Any]) -> Line:
    """One prediction of one row must fit its budget, as measured once by `parity`."""
    wanted = spec.gate.max_latency_ms
    if wanted is None:
        return line("latency", None, "no budget")
    within = document["latency"] is not None and document["latency"]["within"]
    text = f"one row is {'within' if within else 'over'} the budget of {wanted:g} ms"
    return line("latency", within, text, got="within" if within else "over", wanted=wanted)


def quality(spec: DecideSpec) -> Line:
    """Checks of the candidate's training data must have passed."""
    asked = spec.gate.quality
    counted = {"off": (), "error": ("error",), "warn": ("error", "warn")}[asked]
    red = [check for check in spec.data.red if check.severity in counted]
    other = len(spec.data.red) - len(red)
    if asked == "off":
        return line(
            "quality",
            None,
            f"not required; {count(other, 'check')} failed",
            got=other,
            wanted=asked,
        )
    more = f" ({count(other, 'warning')} as well)" if other else ""
    if not red:
        return line(
            "quality", True, f"no check of its training data failed{more}", got=0, wanted=asked
        )
    said = [f"{_place(check)}" + (f": {check.text}" if check.text else "") for check in red[:5]]
    said += [f"and {len(red) - 5} more"] if len(red) > 5 else []
    return line(
        "quality", False, f"failed checks: {'; '.join(said)}{more}", got=len(red), wanted=asked
    )


def _place(check: Any) -> str:
    return f"{check.name} of {check.asset}" + (f"@{check.batch}" if check.batch else "")


def complete(spec: DecideSpec) -> Line:
    """Refused batches are missing from training; that is reported, or refused."""
    refused, asked = list(spec.data.refused), spec.gate.incomplete
    if not refused:
        return line("complete", True, "no batch was left out", got=[], wanted=asked)
    text = f"trained without {', '.join(refused)} (refused or withdrawn)"
    return line("complete", asked == "allow", text, got=refused, wanted=asked)


def real_data(spec: DecideSpec) -> Line:
    """A model trained on made-up data is never promoted."""
    if spec.data.dummy:
        text = "trained on dummy data, which only proves that the pipeline runs"
        return line("real_data", False, text, got="dummy", wanted="real")
    return line("real_data", True, "trained on landed data", got="real", wanted="real")


def protected(rule: ProtectedGate, document: Mapping[str, Any]) -> Line:
    """Protected groups may be only so far apart on test."""
    name, wanted = shown(rule.figure, document["metric"]), rule.max_difference
    said, got, unknown = [], {}, []
    for column in document["columns"]:
        entry = column["apart"].get(rule.figure)
        if entry is None or entry["value"] is None:
            unknown.append(column["column"])
            continue
        got[column["column"]] = entry["value"]
        around = "" if entry["low"] is None else f" ({entry['low']:.4g} to {entry['high']:.4g})"
        said.append(f"{entry['value']:.4g}{around} by {column['column']}")
    text = f"largest difference of {name}: {', '.join(said)}, allowed {wanted:g}"
    if unknown:
        text = f"fewer than two groups of {', '.join(unknown)} have enough rows to be compared"
        return line("protected", False, text, got=got, wanted=wanted, effect="wait")
    return line("protected", max(got.values()) <= wanted, text, got=got, wanted=wanted)


def age(spec: DecideSpec, days: float | None) -> Line:
    """The newest row trained on may be only so many days older than the newest row available."""
    wanted = spec.gate.max_age_days
    if wanted is None:
        return line("age", None, "no limit", got=days)
    if days is None:
        text = "rows have no event time, so their age is unknown"
        return line("age", False, text, wanted=wanted)
    text = (
        f"the newest row trained on is {days:.4g} days older than the newest row available "
        f"(wanted at most {wanted:g})"
    )
    return line("age", days <= wanted, text, got=days, wanted=wanted)
