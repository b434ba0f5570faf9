"""How often is the guess of what a column is right? Against the labels of other people.

    python -m benchmarks.guessing FOLDER

FOLDER holds labelled tables (`columns.csv`: file, column, kind, beside the files) and SortingHat's
labelled columns (`sortinghat_columns.csv`), of which five values and statistics are known each.
Wilson intervals of 95 %. `context_specific` is SortingHat's kind of columns that its authors could
not tell without the table's documents: no rule here guesses it, so precision is given with and
without them.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ml_assets.guess.dialect import dialect_of
from ml_assets.guess.distinct import Distinct
from ml_assets.guess.facts import Facts
from ml_assets.guess.kinds import guessed
from ml_assets.guess.measure import measured
from ml_assets.guess.profile import ColumnProfile
from ml_assets.guess.table import table_of

LABELS = {
    "sentence": "text",
    "embedded-number": "number_in_text",
    "not-generalizable": "not_generalizable",
    "context-specific": "context_specific",
}
UNKNOWABLE = "context_specific"
USELESS = frozenset({"id", "name", "constant", "empty"})
"""Kinds of columns that a model learns nothing general from."""


@dataclass(frozen=True)
class Pair:
    """A label and a guess."""

    label: str
    guess: str
    asked: bool


class Known(Distinct):
    """A number of distinct values that was counted by others."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def count(self) -> int:
        return self._size


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    show("labelled tables", list(tables(folder)))
    show("SortingHat", list(sortinghat(folder / "sortinghat_columns.csv")))


def tables(folder: Path) -> Iterator[Pair]:
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    with (folder / "columns.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            labels[row["file"]][row["column"]] = row["kind"]
    for name, kinds in labels.items():
        path = folder / name
        for column in measured(table_of([path], dialect_of(path))).profile.columns:
            if column.name in kinds:
                yield pair(kinds[column.name], column)


def sortinghat(path: Path) -> Iterator[Pair]:
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield pair(LABELS.get(row["y_act"], row["y_act"]), guessed(facts(row)))


def pair(label: str, column: ColumnProfile) -> Pair:
    kind = "not_generalizable" if column.kind in USELESS else column.kind
    return Pair(label, kind, bool(column.readings))


def facts(row: Mapping[str, str]) -> Facts:
    """Return five values as if they stood for all rows, with the statistics that are known."""
    found = Facts(row["Attribute_name"])
    samples = [row[f"sample_{number}"] for number in range(1, 6)]
    found.add(pa.array([text for text in samples if text.strip()], pa.string()))
    rows, missing, seen = int(row["total_vals"]), int(row["num_nans"]), found.present
    found.nulls = Counter()
    found.rows, found.empty = rows, missing if seen else rows
    found.distinct = Known(int(row["num_of_dist_val"]))
    if not seen or rows <= missing:
        found.empty = rows
        return found
    share = (rows - missing) / seen
    for name in ("plain", "whole", "urls", "emails", "lists", "words", "characters"):
        setattr(found, name, round(getattr(found, name) * share))
    for counts in (found.shapes, found.others):
        for text in counts:
            counts[text] = round(counts[text] * share)
    if found.counts is not None and found.distinct.count() > len(found.counts):
        found.counts = None
    low, high = float(row["min_val"]), float(row["max_val"])
    if low or high:
        found.min, found.max = low, high
    return found


def wilson(right: int, of: int) -> str:
    """Return a share with its 95 % interval."""
    if not of:
        return "-"
    z, share = 1.96, right / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return f"{share:.3f} ({middle - half:.3f} to {middle + half:.3f}, n {of})"


def show(title: str, pairs: list[Pair]) -> None:
    print(f"\n{title}: {len(pairs)} columns\n")
    print("| kind | recall | precision | precision without context_specific |")
    print("| --- | --- | --- | --- |")
    for kind in sorted({item.label for item in pairs}):
        print(
            f"| {kind} | {_recall(pairs, kind)} | {_precision(pairs, kind)} | "
            f"{_precision([p for p in pairs if p.label != UNKNOWABLE], kind)} |"
        )
    right = sum(item.label == item.guess for item in pairs)
    asked = sum(item.asked for item in pairs)
    print(f"\nright {wilson(right, len(pairs))}; asked {wilson(asked, len(pairs))}")


def _recall(pairs: Iterable[Pair], kind: str) -> str:
    mine = [item for item in pairs if item.label == kind]
    return wilson(sum(item.guess == kind for item in mine), len(mine))


def _precision(pairs: Iterable[Pair], kind: str) -> str:
    mine = [item for item in pairs if item.guess == kind]
    return wilson(sum(item.label == kind for item in mine), len(mine))


if __name__ == "__main__":
    main()
