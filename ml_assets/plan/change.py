"""What changed between a report and that of the candidate before, by slice.

Belongs here: comparing two recorded reports. It is told where reports are shown and is in no
report's content: otherwise a report would depend on what happened to be made before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.errors import DamagedObject
from ml_assets.store.home import Home
from ml_assets.store.records import Current


def change(home: Home, current: Current) -> str | None:
    """Return the change since the newest version before with other predictions, as Markdown.

    None where there is none: a report that only says more of the same candidate is no change.
    The report before may be gone (collected, or forgotten by law): then it says so.
    """
    predictions = current.outputs["predictions"]
    before = [
        version
        for version in home.records.versions(current.asset)
        if version.number < current.number and version.outputs["predictions"] != predictions
    ]
    if not before:
        return None
    last = max(before, key=lambda version: version.number)
    try:
        old = home.objects.json(last.outputs["metrics"].digest)
    except DamagedObject as error:
        return f"Not compared with v{last.number}: {error}."
    return told(old, current.facts["metrics"], f"v{last.number}", f"v{current.number}")


def told(old: Mapping[str, Any], new: Mapping[str, Any], before: str, after: str) -> str:
    """Return a Markdown table of the metric, whole and by slice, in both reports.

    >>> report = {"metric": "mae", "test": {"mae": 2.0}, "rows": 9, "slices": []}
    >>> print(told(report, {**report, "test": {"mae": 1.5}}, "v0", "v1"))
    Other test rows: part of the change may be theirs.
    <BLANKLINE>
    | slice | value | mae in v0 | mae in v1 | change |
    | --- | --- | ---: | ---: | ---: |
    | all | 9 rows | 2 | 1.5 | -0.5 |
    """
    metric = new["metric"]
    if old["metric"] != metric:
        return f"Not compared: {before} was judged by {old['metric']}, {after} by {metric}."
    references = [report.get("test_references") for report in (old, new)]
    same = references[0] is not None and references[0] == references[1]
    shown = "The same test rows." if same else "Other test rows: part of the change may be theirs."
    lines = [
        shown,
        "",
        f"| slice | value | {metric} in {before} | {metric} in {after} | change |",
        "| --- | --- | ---: | ---: | ---: |",
        _line("all", f"{new['rows']:,} rows", old["test"][metric], new["test"][metric]),
    ]
    known = {(e["slice"], e["value"]): e["metrics"][metric] for e in old["slices"]}
    for entry in new["slices"]:
        if not entry["few"]:
            place = (entry["slice"], entry["value"])
            lines.append(_line(*place, known.get(place), entry["metrics"][metric]))
    return "\n".join(lines)


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line: no tag, link or picture of its own.

    >>> plain("<b>|")
    '&lt;b&gt;&#124;'
    >>> plain("![x](u) _y_")
    '&#33;&#91;x&#93;(u) &#95;y&#95;'
    """
    import re
    from html import escape

    told = re.sub(r"[\\`*_\[\]|!~#]", lambda mark: f"\0{ord(mark[0])};", text)
    return " ".join(escape(told).replace("\0", "&#").split("\n"))


def _line(name: str, value: str, old: float | None, new: float | None) -> str:
    difference = "-" if old is None or new is None else f"{new - old:+.3g}"
    figures = ["-" if figure is None else f"{figure:.4g}" for figure in (old, new)]
    return f"| {plain(name)} | {plain(value)} | {' | '.join(figures)} | {difference} |"
