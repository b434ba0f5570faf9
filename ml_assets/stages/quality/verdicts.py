"""The verdict of each check on a batch's figures: passed, warning, or not judged.

Belongs here: one verdict and one sentence per check, with the numbers that are plotted over
batches. Does not belong here: computing figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_assets.stages.counted import counted
from ml_assets.stages.quality.encode import FEW
from ml_assets.stages.quality.selection import most
from ml_assets.stages.quality.words import listed, number, percent
from ml_assets.stages.result import Check, Result

Known = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """`passed` is None if there is nothing to judge by; `said` gives the reason."""

    passed: bool | None
    said: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


def warning(name: str, verdict: Verdict, false_alarm_rate: float) -> Result:
    """Return a verdict as a check that warns, with the false alarm rate of its limits."""
    numbers = {**verdict.numbers, "false_alarm_rate": false_alarm_rate}
    return Result({}, checks=(Check(name, verdict.passed, verdict.said, "warn", numbers),))


def drift(figures: Known) -> Verdict:
    """Judge by all tests: a warning if any effect is above its threshold."""
    tests = figures["drift"]
    if not tests:
        return Verdict(None, _why(figures, "drift"))
    columns = list(dict.fromkeys(test["column"] for test in tests if test["alarm"]))
    compared = len({test["column"] for test in tests})
    worst = tests[0]
    numbers = {
        "drifted_columns": len(columns),
        "compared_columns": compared,
        "largest_effect": worst["effect"],
        "effects": {f"{t['column']} {t['kind']}": t["effect"] for t in tests},
        "thresholds": {f"{t['column']} {t['kind']}": t["threshold"] for t in tests},
    }
    if worst["threshold"] is None:
        return Verdict(None, _why(figures, "thresholds"), numbers)
    numbers["largest_by_threshold"] = float(f"{worst['effect'] / worst['threshold']:.4g}")
    said = (
        f"{len(columns)} of {counted(compared, 'column')} differ from the reference by more than "
        f"chance: {listed(columns)}. Most of all {worst['column']}: {worst['said']}"
        if columns
        else f"{counted(compared, 'column')} compared, none differs by more than chance"
    )
    return Verdict(not columns, said, numbers)


def volume(figures: Known) -> Verdict:
    """Judge by the number of parsed rows."""
    test = figures["volume"]
    if test is None:
        return Verdict(None, _why(figures, "volume"), {"rows": figures["rows"]["parsed"]})
    keys = ("rows", "blocks", "expected", "ratio", "effect", "threshold")
    numbers = {key: test[key] for key in keys if test[key] is not None}
    if test["ratio"] is None or (test["threshold"] is None and not test["alarm"]):
        judged = test["ratio"] is not None
        said = test["said"] + (f"; {_why(figures, 'thresholds')}" if judged else "")
        return Verdict(None, said, numbers)
    return Verdict(not test["alarm"], test["said"], numbers)


def completeness(figures: Known) -> Verdict:
    """Judge by missing values in the landed records, and by gaps in time."""
    tests, gaps = figures["missing"], figures["gaps"]
    rows, columns = figures["rows"]["parsed"], len(figures["columns"])
    if not rows:
        return Verdict(None, "no record was read")
    share = sum(test["missing"] for test in tests) / (rows * columns)
    alarms = [test for test in tests if test["alarm"]]
    numbers = {
        "missing_share": float(f"{share:.4g}"),
        "columns_with_more_missing": len(alarms),
        "empty_blocks": gaps["empty"],
        "missing": {test["column"]: float(f"{test['share']:.4g}") for test in tests},
    }
    said = [f"{percent(share)} of all values are missing", gaps["said"]]
    if alarms:
        said.insert(0, f"more than usual: {listed([test['said'] for test in alarms])}")
    text = "; ".join(part for part in said if part)
    if not alarms and not gaps["alarm"] and "rows" not in figures["reference"]:
        return Verdict(None, f"{text}; {figures['reference']['said']}", numbers)
    return Verdict(not alarms and not gaps["alarm"], text, numbers)


def selection_bias(figures: Known) -> Verdict:
    """Judge by which rows filters and quarantine removed."""
    entries = [*figures["slices"], *figures["removed"]]
    gone = sum(figures["filtered"].values()) + sum(figures["quarantined"].values())
    unlabelled = sum(figures.get("unlabelled", {}).values())
    gone += 0 if most(unlabelled, figures["rows"]["cleaned"]) else unlabelled
    numbers: dict[str, Any] = {"removed": gone}
    if not gone:
        return Verdict(True, "no row was removed", numbers)
    judged = [entry for entry in entries if not entry.get("few")]
    if not judged or gone < FEW:
        why = figures["state"]["said"] or "too few were removed, or kept, to compare them"
        return Verdict(None, f"{counted(gone, 'row')} removed; {why}", numbers)
    worst = max(judged, key=lambda entry: abs(entry["effect"]) / entry["threshold"])
    alarms = [entry for entry in judged if entry["alarm"]]
    numbers |= {
        "removed_share": float(f"{gone / max(figures['rows']['landed'], 1):.4g}"),
        "largest_effect": worst["effect"],
        "warnings": len(alarms),
        "said": [entry["said"] for entry in alarms][:10],
    }
    where = worst.get("column") or worst["slice"]
    said = f"most of all {where}: {worst['said']} (effect {number(worst['effect'])})"
    head = f"{len(alarms)} of {len(judged)} comparisons of removed with kept rows stand out; "
    quiet = f"{counted(gone, 'row')} removed, similar to the kept ones; "
    return Verdict(not alarms, (head if alarms else quiet) + said, numbers)


def _why(figures: Known, what: str) -> str:
    said = next((e["why"] for e in figures["not_computed"] if e["what"] == what), "")
    return said or figures["state"]["said"] or "nothing could be compared"


VERDICTS: Mapping[str, Callable[[Known], Verdict]] = {
    "volume": volume,
    "completeness": completeness,
    "drift": drift,
    "selection_bias": selection_bias,
}
"""Verdicts by the name of the check."""
