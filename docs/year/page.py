"""The figures and pictures of the year in `docs/explanation/a-year-in-production.md`.

Belongs here: from a document to tables and plots. Does not belong here: the page's own text, which
stands around the marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_assets.stages.evaluate.drawing import BAND, INK, MAIN, OTHER, Plot, drawn

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "explanation" / "a-year-in-production.md"
IMAGES = DOCS / "images"
MARK = re.compile(r"(<!-- year: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
LONGEST = 230
"""Characters of a reason in a table."""


def write(document: Mapping[str, Any]) -> None:
    """Write the tables into the page, and the pictures."""
    parts = {"events": _events(document), "months": _months(document), "run": _run(document)}

    def filled(found: re.Match[str]) -> str:
        return f"{found[1]}{parts[found[2]]}\n{found[3]}"

    PAGE.write_text(MARK.sub(filled, PAGE.read_text()))
    for plot in plots(document):
        (IMAGES / f"year_{plot.name}.svg").write_text(plot.file())


def plots(document: Mapping[str, Any]) -> list[Plot]:
    """Return the pictures."""
    return [_quality(document["months"]), _fault(document["days"])]


def events(document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what happened as (day, who, what), in order of time."""
    found = [(one["at"], "sensor", _told(one)) for one in document["promotions"]]
    found = [
        (day, "on call" if one["actor"] == "on-call" and _by_hand(one) else who, what)
        for one, (day, who, what) in zip(document["promotions"], found, strict=True)
    ]
    found += [
        (one["at"], "sensor", f"{'Trained' if one['train'] else 'Deferred'}: {one['said']}")
        for one in document["verdicts"]
    ]
    found += [(one["at"], "sensor", f"Alert: {_alert(one['text'])}") for one in document["alerts"]]
    found += [
        (one["at"], "on call", f"{one['what'][:1].upper()}{one['what'][1:]}")
        for one in document["on_call"]
        if "rolled back" not in one["what"] and "champion again" not in one["what"]
    ]
    wrong = [one for one in document["log"] if "kilometres" in one["what"]]
    found += [(one["at"], "world", f"{one['what'][:1].upper()}{one['what'][1:]}") for one in wrong]
    # Of one day: what came from outside, what was seen, what was decided.
    order = {"world": 0, "sensor": 1, "on call": 2}
    return sorted(found, key=lambda event: (event[0], order[event[1]]))


def _by_hand(entry: Mapping[str, Any]) -> bool:
    return entry["action"] == "rolled_back" or "kilometres" in entry["reason"]


def _told(entry: Mapping[str, Any]) -> str:
    if entry["action"] == "rolled_back":
        return f"Rolled back to {entry['version']}: {entry['reason']}"
    return f"{entry['version']} {entry['action']}: {entry['reason']}"


def _alert(text: str) -> str:
    return "; ".join(line.removeprefix("- ") for line in text.splitlines())


def _events(document: Mapping[str, Any]) -> str:
    lines = ["| day | by | what |", "| --- | --- | --- |"]
    lines += [f"| {day} | {who} | {_cell(what)} |" for day, who, what in events(document)]
    return "\n".join(lines)


def _cell(text: str) -> str:
    text = " ".join(text.split()).replace("not trained: ", "").replace("|", "\\|")
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …"


def _months(document: Mapping[str, Any]) -> str:
    lines = [
        "| month | predicted by | estimated before labels | came true | on test | warned |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in document["months"]:
        true = [_shown(one[name], "no label yet") for name in ("realized", "test")]
        values = [_shown(one["estimated"], "not estimable"), *true]
        cells = [one["batch"], one["version"], *values, ", ".join(one["warns"]) or "nothing"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(entry: Mapping[str, Any] | None, without: str) -> str:
    if entry is None:
        return without
    around = "" if entry["low"] is None else f" ({entry['low']:.1f} to {entry['high']:.1f})"
    return f"{entry['value']:.2f}{around}"


def _run(document: Mapping[str, Any]) -> str:
    asked = sum(document["asked"].values())
    failed = len(document["failed"])
    return (
        f"{asked:,} flights were asked about on {len(document['asked'])} days, and the sensor "
        f"requested {document['runs']} runs, of which {failed or 'none'} failed. All of it took "
        f"{document['seconds'] / 60:.0f} minutes."
    )


def _quality(months: Sequence[Mapping[str, Any]]) -> Plot:
    def paint(axes: Any) -> None:
        for name, colour, shift in (("estimated", OTHER, -0.12), ("realized", MAIN, 0.12)):
            shown = [(n + shift, one[name]) for n, one in enumerate(months) if one[name]]
            label = {"estimated": "estimated before labels", "realized": "came true"}[name]
            for place, value in shown:
                if value["low"] is not None:
                    axes.plot([place, place], [value["low"], value["high"]], color=colour, lw=1.5)
            points = [place for place, _ in shown], [value["value"] for _, value in shown]
            axes.scatter(*points, color=colour, s=22, label=label, zorder=3)
        axes.set_xticks(range(len(months)), [f"{o['batch'][5:]}\n{o['version']}" for o in months])
        axes.set_ylabel("mae (min)")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=2, borderaxespad=0.2)

    said = "; ".join(f"{one['batch']}: {_shown(one['realized'], 'no label yet')}" for one in months)
    return drawn("quality", "Error by month, estimated and true", f"True: {said}.", paint)


def _fault(days: Sequence[Mapping[str, Any]]) -> Plot:
    shown = [one for one in days if one["effect"] is not None]

    def paint(axes: Any) -> None:
        places = range(len(shown))
        colours = [MAIN if one["over"] else BAND for one in shown]
        axes.bar(places, [one["effect"] for one in shown], color=colours, width=0.7)
        limits = [one["limit"] if one["limit"] is not None else float("nan") for one in shown]
        axes.plot(places, limits, color=INK, lw=1, drawstyle="steps-mid", label="limit")
        step = max(len(shown) // 8, 1)
        axes.set_xticks(
            list(places)[::step], [one["batch"][5:] for one in shown][::step], fontsize=7
        )
        axes.set_ylabel("drift of distance, by day")
        axes.legend(loc="upper left")

    over = ", ".join(one["batch"] for one in shown if one["over"]) or "none"
    return drawn("fault", "Drift of distance in requests, by day", f"Over: {over}.", paint)


def summary(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the events in lines, for a terminal."""
    for day, who, what in events(document):
        yield f"{day}  {who:8} {_cell(what)}"
