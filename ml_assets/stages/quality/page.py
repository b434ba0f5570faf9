"""The quality report as one offline HTML page: no script, everything escaped.

Belongs here: from figures to words and lines of tables. Does not belong here: computing
figures, structure and style (`template`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.stages.counted import counted
from ml_assets.stages.html import rendered
from ml_assets.stages.quality.charts import histogram
from ml_assets.stages.quality.headline import TITLES, WORDS
from ml_assets.stages.quality.template import PAGE, STYLE
from ml_assets.stages.quality.verdicts import VERDICTS, Verdict
from ml_assets.stages.quality.words import listed, number, percent, quoted

if TYPE_CHECKING:
    from ml_assets.spec.quality import ReportSpec

Known = Mapping[str, Any]
KINDS = {
    "numeric": "distribution",
    "categorical": "values",
    "missing": "missing",
    "unseen": "new values",
}
MOST_SLICES = 12
"""Lines of a slice that are always visible; the rest are collapsed."""


def page(spec: ReportSpec, figures: Known) -> bytes:
    """Return the page of a batch's figures; the same figures give the same bytes."""
    verdicts = {name: verdict(figures) for name, verdict in VERDICTS.items()}
    shown = {
        "style": STYLE,
        "dataset": spec.dataset,
        "batch": spec.batch,
        "description": spec.description,
        "state": figures["state"],
        "proposed": figures.get("proposed", []),
        "dummy": "dummy" in figures,
        "rows": [(name, f"{value:,}") for name, value in _account(figures)],
        "verdicts": [tile(TITLES[name], verdict) for name, verdict in verdicts.items()],
        "reference": _reference(spec, figures["reference"]),
        "drift": [tested(test) for test in figures["drift"]],
        "missing": [_missing(test) for test in figures["missing"]],
        "gaps": figures["gaps"]["said"],
        "time": spec.time if spec.block != "row" else None,
        "inputs": figures["inputs"],
        "rules": _rules(spec, figures),
        "slices": list(_slices(figures["slices"])),
        "removed": [_removed(entry) for entry in figures["removed"]],
        "columns": [_column(spec, entry) for entry in figures["columns"]],
        "not_computed": figures["not_computed"],
        "rate": percent(spec.false_alarm_rate),
        "block": spec.block,
    }
    return rendered(PAGE, shown, trim=True)


def _account(figures: Known) -> Iterator[tuple[str, int]]:
    yield "landed", figures["rows"]["landed"]
    yield "cleaned", figures["rows"]["cleaned"]
    if figures.get("unlabelled"):
        yield "of them without a label", sum(figures["unlabelled"].values())
    yield "filtered", sum(figures["filtered"].values())
    yield "quarantined", sum(figures["quarantined"].values())


def tile(title: str, verdict: Verdict) -> dict[str, str]:
    """Return what the template's tile shows of a verdict."""
    mood = {True: "good", False: "warn", None: "none"}[verdict.passed]
    word = WORDS[verdict.passed]
    return {"title": title, "mood": mood, "word": word, "said": verdict.said}


def _reference(spec: ReportSpec, reference: Known) -> list[str]:
    said = [f"{reference['said'][:1].upper()}{reference['said'][1:]}."]
    if "rows" in reference:
        blocks = counted(reference["blocks"], spec.block)
        rows = counted(reference["rows"], "row")
        said.append(f"It has {rows}" + ("." if spec.block == "row" else f" in {blocks}."))
    if reference["in_reference"]:
        said.append("This batch is part of it, so it cannot differ much.")
    return said


def tested(test: Known) -> dict[str, Any]:
    """Return what the template's table of tests shows of one."""
    return {
        "column": test["column"],
        "kind": KINDS[test["kind"]],
        **_measured(test),
        "said": test["said"],
    }


def _measured(test: Known) -> dict[str, Any]:
    threshold = test["threshold"]
    ratio = abs(test["effect"]) / threshold if threshold else 0.0
    return {
        "effect": number(test["effect"]),
        "threshold": number(threshold),
        "alarm": test["alarm"],
        # Half of the bar's width is the threshold.
        "width": f"{min(ratio, 2.0) * 50:.0f}",
    }


def _missing(test: Known) -> dict[str, Any]:
    return {
        "column": test["column"],
        "rows": f"{test['missing']:,}",
        "share": percent(test["share"]),
        "said": test["said"],
        **_measured(test),
    }


def _rules(spec: ReportSpec, figures: Known) -> list[dict[str, str]]:
    lines = [
        {"step": "filter", "rule": rule, "rows": f"{rows:,}", "why": spec.filters.get(rule, "")}
        for rule, rows in figures["filtered"].items()
    ]
    lines += [
        {"step": "quarantine", "rule": rule, "rows": f"{rows:,}", "why": ""}
        for rule, rows in figures["quarantined"].items()
    ]
    return lines + [
        {"step": "no label", "rule": rule, "rows": f"{rows:,}", "why": spec.filters.get(rule, "")}
        for rule, rows in figures.get("unlabelled", {}).items()
    ]


def _slices(entries: Sequence[Known]) -> Iterator[dict[str, Any]]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in entries:
        line = {
            "value": entry["value"],
            "rows": f"{entry['rows']:,}",
            "removed": f"{entry['removed']:,}",
            "share": percent(entry["share"]),
            "others": percent(entry["others"]),
            "few": entry["few"],
            **_measured(entry),
        }
        groups.setdefault((entry["by"], entry["slice"]), []).append(line)
    for (by, name), lines in groups.items():
        worst = next((e for e in entries if (e["by"], e["slice"]) == (by, name)), entries[0])
        said = worst["said"][:1].upper() + worst["said"][1:]
        more = lines[MOST_SLICES:]
        yield {"by": by, "slice": name, "said": said, "lines": lines[:MOST_SLICES], "more": more}


def _removed(entry: Known) -> dict[str, Any]:
    return {"by": entry["by"], "column": entry["column"], "said": entry["said"], **_measured(entry)}


def _column(spec: ReportSpec, entry: Known) -> dict[str, Any]:
    column = spec.columns[entry["column"]]
    picture = ""
    if "heights" in entry:
        low, high = entry["drawn"]
        said = f"histogram from {number(low)} to {number(high)}; figures beside it"
        before = entry.get("before", {}).get("heights")
        picture = histogram(entry["heights"], before, said)
    return {
        "column": entry["column"],
        "type": entry["type"],
        "unit": column.unit or "",
        "description": column.description,
        "missing": f"{entry['missing']:,}",
        "distinct": f"{entry['distinct']:,}" if "distinct" in entry else "\N{EN DASH}",
        "picture": picture,
        "said": _said(entry),
    }


def _said(entry: Known) -> str:
    if entry["sensitive"]:
        return "sensitive: values are not shown"
    if "quantiles" in entry:
        low, first, middle, third, high = (number(value) for value in entry["quantiles"])
        said = f"{low} to {high}, median {middle}, half in {first} to {third}"
        if "mean" in entry and "sd" in entry:
            said += f", mean {number(entry['mean'])} ± {number(entry['sd'])}"
        if entry.get("infinite"):
            said += f"; {counted(entry['infinite'], 'infinite value')} left out"
        return said
    if entry.get("infinite"):
        return f"{counted(entry['infinite'], 'infinite value')} and no other"
    if entry.get("top"):
        return listed([f"{quoted(value)} {rows:,}" for value, rows in entry["top"]])
    if "first" in entry:
        return f"{entry['first']} to {entry['last']}"
    return "no value"
