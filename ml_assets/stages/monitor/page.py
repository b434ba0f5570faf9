"""The monitoring report as one offline HTML page: no script, everything escaped.

Belongs here: from figures to words and lines of tables. Does not belong here: computing figures,
structure and style (`template`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.stages.counted import counted
from ml_assets.stages.evaluate.protected import names, shown
from ml_assets.stages.html import rendered
from ml_assets.stages.monitor.history import history
from ml_assets.stages.monitor.template import PAGE, STYLE
from ml_assets.stages.monitor.verdicts import TITLES, VERDICTS
from ml_assets.stages.quality.page import tested, tile
from ml_assets.stages.quality.words import listed, number, percent

if TYPE_CHECKING:
    from ml_assets.spec.monitored import PageSpec

Known = Mapping[str, Any]
QUANTILES = ("median", "p95", "p99", "most")
"""Of the time of a request, as they are shown."""


def page(spec: PageSpec, figures: Known, before_it: Sequence[Known] = ()) -> bytes:
    """Return the page of a batch's figures, with those of batches before it, oldest first.

    The same figures give the same bytes.
    """
    verdicts = {name: verdict(figures) for name, verdict in VERDICTS.items()}
    before = figures["before"]
    content = {
        "style": STYLE,
        "model": spec.model,
        "batch": spec.batch,
        "version": spec.version,
        "description": spec.description,
        "counts": list(_counts(figures)),
        "verdicts": [tile(TITLES[name], verdict) for name, verdict in verdicts.items()],
        "reference": f"{spec.reference[:1].upper()}{spec.reference[1:]}.",
        "rate": percent(spec.false_alarm_rate),
        "drift": [tested(test) for test in figures["tests"]],
        "prediction": [
            tested(_as_test(column, entry)) for column, entry in figures["prediction_drift"].items()
        ],
        "joint": _joint(figures["joint"]),
        "before": None if before is None else before["batch"],
        "changed": [] if before is None else [tested(test) for test in before["tests"][:12]],
        "missing": [
            (name, percent(share), f"{figures['unseen'].get(name, 0):,}")
            for name, share in _most(figures["missing"], figures["unseen"])
        ],
        "history": history([*before_it, figures]),
        "rival": _rival(figures["challenger"]),
        "service": list(_service(figures["service"])),
        "metrics": [_metric(spec, name, entry) for name, entry in figures["realized"].items()],
        "estimated": [_estimate(name, entry) for name, entry in figures["estimated"].items()],
        "slices": [_slice(entry) for entry in figures["slices"]],
        "metric": spec.metric,
        "calibration": _calibration(figures["calibration"]),
        "protected": _protected(figures["protected"]),
        "not_computed": figures["not_computed"],
    }
    return rendered(PAGE, content, trim=True)


def _counts(figures: Known) -> Iterator[tuple[str, str]]:
    labels = figures["labels"]
    yield "rows", f"{figures['rows']:,}"
    yield "inputs compared", f"{len(figures['drift']):,}"
    yield "of them changed", f"{sum(entry['over'] for entry in figures['drift'].values()):,}"
    if labels["share"] is not None:
        yield "with a label", percent(labels["share"])
    if labels["late_days"] is not None:
        yield "labels came after", f"{number(labels['late_days'])} days"


def _as_test(column: str, entry: Known) -> dict[str, Any]:
    """Return a column's worst test, as the document has it, as a test."""
    names = {"kind": "statistic", "effect": "value", "threshold": "threshold", "alarm": "over"}
    return {"column": column, "said": entry["said"], **{n: entry[m] for n, m in names.items()}}


def _joint(joint: Known | None) -> str:
    if joint is None:
        return ""
    around = "" if joint["low"] is None else f" ({joint['low']:.3f} to {joint['high']:.3f})"
    limit = "none" if joint["threshold"] is None else f"{joint['threshold']:.3f}"
    said = f"AUC {joint['auc']:.3f}{around}, limit {limit}"
    return said + (f"; it uses {listed(joint['by'])} most." if joint["by"] else ".")


def _rival(found: Known | None) -> str:
    if found is None or found["mean_absolute_difference"] is None:
        return ""
    apart = number(found["mean_absolute_difference"])
    who = "The other version of the trial," if "answered" in found else "The challenger"
    said = f"{who} {found['model']}{',' if 'answered' in found else ''} is {apart} away on average"
    said += f", of {counted(found['rows'], 'row')} that both scored" if "answered" in found else ""
    other = found.get("differing")
    return f"{said}." if other is None else f"{said}; of another class in {percent(other)} of rows."


def _service(service: Known | None) -> Iterator[tuple[str, str]]:
    if service is None:
        return
    yield "Requests", f"{service['requests']:,} of {counted(service['rows'], 'row')}"
    if service["kept"] < 1:
        yield "Kept", f"{percent(service['kept'])} of all, at random"
    yield "Rows by version", _each(service["versions"])
    yield "Requests by protocol", _each(service["protocols"])
    if service["seconds"]:
        each = (f"{n} {number(1000 * service['seconds'][n])} ms" for n in QUANTILES)
        yield "From request to record", ", ".join(each)
    if beside := service.get("beside"):
        yield "Scored beside", _beside(beside)
    yield "Rows with a category never seen", f"{service['unseen']:,}"
    yield "Rows without a joined batch", f"{service['missing_joins']:,}"


def _beside(beside: Known) -> str:
    """Return what the other version of a trial did with the rows, and how long it took."""
    answered = beside["answered"]
    said = f"{beside['model']}, {counted(beside['rows'], 'row')}"
    said += f", {answered:,} of them answered by it" if answered else ""
    each = (f"{n} {number(1000 * beside['seconds'][n])} ms" for n in QUANTILES[:2])
    return (
        f"{said}; {', '.join(each)} by the version that did not answer"
        if answered
        else (f"{said}; {', '.join(each)}")
    )


def _each(counts: Known) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _most(missing: Known, unseen: Known) -> list[tuple[str, float]]:
    """Return the inputs with missing or new values, those with most first."""
    shares = [(name, share) for name, share in missing.items() if share or unseen.get(name)]
    return sorted(shares, key=lambda item: (-item[1], item[0]))


def _around(entry: Known) -> str:
    if entry["low"] is None:
        return "\N{EN DASH}"
    return f"{number(entry['low'])} to {number(entry['high'])}"


def _metric(spec: PageSpec, name: str, entry: Known) -> dict[str, Any]:
    then = entry["test"]
    return {
        "name": f"{name} [{spec.unit}]" if spec.unit and name == spec.metric else name,
        "value": number(entry["value"]),
        "around": _around(entry),
        "rows": f"{entry['rows']:,}",
        "test": "\N{EN DASH}" if then is None else number(then["value"]),
        "test_around": "\N{EN DASH}" if then is None else _around(then),
        "worse": bool(entry["worse"]),
    }


def _estimate(name: str, entry: Known) -> dict[str, Any]:
    held = f"{entry['covered']} of {entry['backtests']}" if entry["backtests"] else "none"
    return {
        "name": name,
        "method": entry["method"].upper(),
        "value": number(entry["value"]),
        "around": _around(entry),
        "held": held,
        "said": entry["status"] + ("" if entry["why"] is None else f": {entry['why']}"),
    }


def _slice(entry: Known) -> dict[str, Any]:
    return {
        "slice": entry["slice"],
        "value": str(entry["value"]),
        "rows": f"{entry['rows']:,}",
        "metric": number(entry["metric"]),
        "around": _around(entry),
        "few": entry["few"],
    }


def _protected(document: Known | None) -> list[dict[str, Any]]:
    """Return a table for each protected column: its head and its lines."""
    if document is None:
        return []
    tables = []
    for column in document["columns"]:
        kinds = names(column)
        lines = [
            (entry["group"], f"{entry['rows']:,}", [_figure(entry["values"][n]) for n in kinds])
            for entry in column["groups"]
        ]
        head = [shown(name, document["metric"]) for name in kinds]
        apart = [_figure(column["apart"].get(name)) for name in kinds]
        tables.append({"column": column["column"], "head": head, "lines": lines, "apart": apart})
    return tables


def _figure(entry: Known | None) -> str:
    if entry is None or entry["low"] is None:
        return number(None if entry is None else entry["value"])
    return f"{number(entry['value'])} ({_around(entry)})"


def _calibration(calibration: Known | None) -> dict[str, Any] | None:
    if calibration is None:
        return None
    lines: Sequence[tuple[str, str, str]] = [
        (f"{rows:,}", number(said), number(seen))
        for rows, said, seen in zip(
            calibration["rows"], calibration["said"], calibration["observed"], strict=True
        )
    ]
    around = calibration["interval"]
    text = f"Mean absolute gap {number(calibration['error'])}"
    if around is not None:
        text += f" ({number(around[0])} to {number(around[1])})"
    return {"lines": lines, "said": f"{text}, over {counted(len(lines), 'group')} by prediction."}
