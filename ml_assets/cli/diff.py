"""diff: the differences between two versions of an asset."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ml_assets.cli.complete import assets
from ml_assets.cli.console import out
from ml_assets.cli.here import opened
from ml_assets.cli.inspect import Partition
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.engine.address import find
from ml_assets.stages.counted import counted

SHOWN = 20
"""Lines of each kind printed on a terminal; --json has all."""
Version = Annotated[
    str,
    typer.Argument(help="A version, e.g. flights/cleaned@2013-03:v0.", autocompletion=assets),
]


@guarded
def diff(a: Version, b: Version, partition: Partition = None, as_json: bool = JSON) -> None:
    """Show the differences from version A to B: rows by key, columns, statistics, metrics.

    Example: ml-assets diff flights/cleaned@2013-03:v0 flights/cleaned@2013-03
    """
    from ml_assets.operations.diff.versions import compare

    planner = opened(f"{a} {b}")
    first, second = find(planner, a, partition), find(planner, b, partition)
    with working(f"comparing {first} and {second}"):
        document = compare(planner, first, second)
    if as_json:
        emit(document)
        return
    _say(f"{first} → {second}")
    if document["identical"]:
        _say("identical")
        return
    if "model" in document:
        _tell_model(document["model"])
    for name, output in document["outputs"].items():
        if output["identical"]:
            _say(f"{name}: identical")
        elif output["kind"] == "table":
            _tell_table(name, output)
        elif output["kind"] == "json":
            differ = len(output["changed"]) + output["more"]
            _say(f"{name}: {counted(differ, 'value differs', 'values differ')}")
            _tell_changes(output["changed"])
        else:
            _say(f"{name}: {output['bytes'][0]} → {output['bytes'][1]} bytes")


def _say(text: str) -> None:
    out.print(text)


def _tell_table(name: str, output: dict[str, Any]) -> None:
    rows = output["rows"]
    by = rows["by"] if isinstance(rows["by"], str) else ", ".join(rows["by"])
    _say(
        f"{name}: {rows['a']} → {counted(rows['b'], 'row')}; {rows['added']} added, "
        f"{rows['removed']} removed, {rows['changed']} changed (by {by})"
    )
    if output["note"]:
        _say(f"  {output['note']}")
    for kind, columns in output["schema"].items():
        for column, types in columns.items():
            said = " → ".join(types) if isinstance(types, list) else types
            _say(f"  column {kind}: {column} ({said})")
    for column, count in sorted(output["columns_changed"].items(), key=lambda i: -i[1]):
        _say(f"  {column}: {counted(count, 'value')} changed")
    for kind, examples in output["examples"].items():
        for example in examples:
            _say(f"  {kind}: {example if isinstance(example, str) else _changed(example)}")
    for column, figures in output["statistics"].items():
        said = ", ".join(
            f"{name} {_short(value)} → {_short(figures['b'].get(name))}"
            for name, value in figures["a"].items()
            if value != figures["b"].get(name)
        )
        _say(f"  {column}: {said}")


def _changed(example: dict[str, Any]) -> str:
    said = ", ".join(f"{c} {_short(a)} → {_short(b)}" for c, (a, b) in example["columns"].items())
    return f"{example['key']}: {said}"


def _tell_model(model: dict[str, Any]) -> None:
    _say(f"family: {model['families'][0]} → {model['families'][1]}")
    for title in ("parameters", "metrics"):
        _say(f"{title}: {len(model[title])} differ")
        _tell_changes(model[title])
    compared = model["predictions"]
    if "why" in compared:
        _say(f"predictions: {compared['why']}")
        return
    _say(
        f"predictions: {compared['identical']} of {compared['rows']} common test rows identical, "
        f"differing by {compared['mean_difference']:.4g} on average, "
        f"{compared['greatest_difference']:.4g} "
        f"at most"
    )
    for metric, (a, b) in compared["metrics"].items():
        _say(f"  {metric}: {_short(a)} → {_short(b)}")


def _tell_changes(changed: list[dict[str, Any]]) -> None:
    for item in changed[:SHOWN]:
        _say(f"  {item['path']}: {_short(item['a'])} → {_short(item['b'])}")
    if len(changed) > SHOWN:
        _say(f"  … {len(changed) - SHOWN} more; --json shows them")


def _short(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
