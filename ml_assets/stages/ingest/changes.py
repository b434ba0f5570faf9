"""What the spec says of columns that are new, gone or of another type (`on_new_column`, …).

Belongs here: whether such a file is refused, which records are set aside, what is said of it.
Does not belong here: names of columns (`columns`), reading values (`spelling`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.counted import counted
from ml_assets.stages.ingest.columns import absent, expected, extra
from ml_assets.stages.ingest.records import Apart, Failed, Given, cause
from ml_assets.stages.ingest.source import Source, Unreadable
from ml_assets.stages.ingest.spelling import without
from ml_assets.stages.schema import DUMMY

if TYPE_CHECKING:
    from ml_assets.spec.dataset import IngestSpec

NEW, GONE = "column.new", "column.missing"


@dataclass
class Changed:
    """What a file's columns ask for."""

    later: tuple[str, ...]
    """Columns of the contract that the file may lack."""
    apart: dict[int, Apart] = field(default_factory=dict)
    """By record number: why it is set aside."""
    warnings: list[str] = field(default_factory=list)
    proposed: list[str] = field(default_factory=list)
    """Changes of the data that `ml-assets propose` is to be asked about."""
    dummy: bool = False
    """The file says that its rows are made up."""


def of_columns(source: Source, spec: IngestSpec) -> Changed:
    """Return what is done about new and missing columns; Unreadable if new ones refuse the file.

    Of missing ones that refuse it, reading its fields says so.
    """
    changed = Changed(spec.later)
    gone = absent(source.names, spec.columns, spec.later)
    wanted = set(expected(spec.columns))
    # A file that has few of the columns is another file; its names may even be values.
    other = len(wanted.intersection(source.names)) * 2 < len(wanted)
    wanted.add(DUMMY)
    if gone and not other and spec.on_missing_column in ("ignore", "quarantine"):
        changed.later = (*spec.later, *gone)
        said = f"no column {', '.join(gone)}"
        _without(changed, said, gone, range(len(source.lines)), spec)
    elif gone:
        if spec.on_missing_column == "propose":
            changed.proposed += [f"column {name!r} is missing" for name in gone]
        return changed
    new = list(dict.fromkeys(name or "(no name)" for name in source.names if name not in wanted))
    if not new:
        return changed
    if spec.on_new_column == "refuse":
        raise Unreadable(
            "columns",
            f"columns that are not in the contract: {', '.join(new)} (on_new_column: refuse); add "
            f"them to the contract (ml-assets propose {spec.dataset} --column {new[0]}), or "
            "deliver the file without them",
        )
    if spec.on_new_column == "quarantine":
        _with(changed, source, spec)
        return changed
    changed.warnings += extra(source.names, spec.columns)
    if spec.on_new_column == "propose":
        changed.proposed += [f"column {name!r} is new" for name in new]
        changed.warnings[-1] += f"; {_ask(spec)}"
    return changed


def of_parts(source: Source, spec: IngestSpec, changed: Changed) -> None:
    """Do the same about columns that only some parts of a folder lack; Unreadable if it refuses."""
    wanted = set(expected(spec.columns))
    for part in source.lacks:
        names = [name for name in source.names if name not in part.columns]
        gone = absent(names, spec.columns, changed.later)
        if not gone:
            continue
        said = f"{part.name} has no column {', '.join(gone)}"
        other = len(wanted.intersection(names)) * 2 < len(wanted)
        if not other and spec.on_missing_column in ("ignore", "quarantine"):
            _without(changed, said, gone, part.records, spec)
            continue
        if spec.on_missing_column == "propose":
            changed.proposed += [f"column {name!r} is missing in {part.name}" for name in gone]
        raise Unreadable(
            "columns",
            f"{said}, which other parts have (on_missing_column: {spec.on_missing_column}); "
            "correct it and deliver the folder again",
        )


def asked(error: Unreadable, changed: Changed | None, spec: IngestSpec) -> Unreadable:
    """Return a refusal that says where a change of the spec is proposed."""
    if changed is None or not changed.proposed or error.rule != "file.columns":
        return error
    return Unreadable("columns", f"{error.reason}; {_ask(spec)}")


def of_types(
    source: Source, given: Given, changed: Changed, spec: IngestSpec, failed: Failed
) -> Failed:
    """Return the records that still fail for values that are not of their column's type.

    Unreadable if one refuses the file.
    """
    counts: dict[str, int] = {}
    for problems in failed.values():
        for name, rule in problems:
            counts[name] = counts.get(name, 0) + (rule != "parse.encoding")
    counts = {name: count for name, count in counts.items() if count}
    if not counts or spec.on_type_change == "quarantine":
        return failed
    if spec.on_type_change == "refuse":
        raise Unreadable("type", _refused(source, given, failed, counts, spec))
    said = [f"{_values(count, name, spec)}" for name, count in counts.items()]
    if spec.on_type_change == "propose":
        changed.proposed += said
        changed.warnings.append(f"{'; '.join(said)}; {_ask(spec)}")
        return failed
    changed.warnings += [f"{text}: taken as missing (on_type_change: ignore)" for text in said]
    kept = {
        row: [(name, rule) for name, rule in problems if rule == "parse.encoding"]
        for row, problems in failed.items()
    }
    return {row: problems for row, problems in kept.items() if problems}


def _without(
    changed: Changed, said: str, gone: Sequence[str], records: Iterable[int], spec: IngestSpec
) -> None:
    """Take the columns that are gone from records as missing, or set the records apart."""
    if spec.on_missing_column == "ignore":
        changed.warnings.append(f"{said}: taken as missing (on_missing_column: ignore)")
        return
    reason = f"{said} (on_missing_column: quarantine)"
    changed.apart |= dict.fromkeys(records, (GONE, gone[0], reason))


def _with(changed: Changed, source: Source, spec: IngestSpec) -> None:
    """Set the records apart that have a value in a new column."""
    wanted, nulls = {*expected(spec.columns), DUMMY}, spec.landing.null_values
    for name, array in zip(source.names, source.columns, strict=True):
        if name in wanted:
            continue
        text = pa.types.is_string(array.type) and not source.own
        present = pc.is_valid(without(array, nulls) if text else array)
        reason = f"has a value in column {name or '(no name)'}, which is not in the contract"
        reason += " (on_new_column: quarantine)"
        for row in pc.indices_nonzero(present).to_pylist():
            changed.apart.setdefault(row, (NEW, None, reason))


def _refused(
    source: Source, given: Given, failed: Failed, counts: Mapping[str, int], spec: IngestSpec
) -> str:
    said = "; ".join(_values(count, name, spec) for name, count in counts.items())
    row = min(row for row, problems in failed.items() if any(n in counts for n, _ in problems))
    name, rule = next((n, r) for n, r in failed[row] if n in counts)
    got = cause(rule, given[name][0][row].as_py(), spec.columns[name], given[name][1])
    return (
        f"{said} (on_type_change: refuse); the first on line {source.lines[row].as_py()}: {got}; "
        f"correct the file, or ask ml-assets propose {spec.dataset}"
    )


def _values(count: int, name: str, spec: IngestSpec) -> str:
    many = "is" if count == 1 else "are"
    return f"{name}: {counted(count, 'value')} {many} no {spec.columns[name].type}"


def _ask(spec: IngestSpec) -> str:
    return f"ml-assets propose {spec.dataset} says what to change"
