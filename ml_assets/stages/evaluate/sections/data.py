"""Section: the rows of each fold, and the digests of the features they come from."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ml_assets.stages.evaluate.section import Line, ReportTable, Section, TableCell, View, lines

NAME = "data"


def show(view: View) -> Section:
    """Return the candidate, rows and batches of each fold, and (collapsed) digests of features."""
    folds = {name: batches(table) for name, table in view.folds.items()}
    body = []
    for name, fold in folds.items():
        names = list(fold)
        span = f"{names[0]} to {names[-1]}" if len(names) > 1 else "".join(names)
        rows = sum(count for count, _ in fold.values())
        body.append([name, f"{len(names):,}", f"{rows:,}", span])
    digests = [
        Line([name, batch, f"{count:,}", TableCell(digest, code=True)])
        for name, fold in folds.items()
        for batch, (count, digest) in fold.items()
    ]
    head = ["Fold", "Batch", "Rows", "Digest of the features"]
    tables = [
        ReportTable("Rows by fold", ["Fold", "Batches", "Rows", "From, to"], lines(body), (3,)),
        ReportTable(
            "Batches", head, digests, (1, 3), folded="Batches and digests of their features"
        ),
    ]
    text = (
        f"The candidate is {view.candidate}: ml-assets versions {view.spec.model}/candidate shows "
        f"its number, ml-assets lineage {view.spec.model}/candidate leads to the landed files."
    )
    notes = [
        f"{name} is close to the target, which was acknowledged: {reason}"
        for name, reason in view.spec.acknowledged.items()
    ]
    return Section(NAME, "Data used", text, tables, notes=notes)


def batches(references: pa.Table) -> dict[str, tuple[int, Any]]:
    """Return rows and features digest of each batch, in the order of the references."""
    by_batch: dict[str, tuple[int, Any]] = {}
    for row in references.to_pylist():
        count, _ = by_batch.get(row["batch"], (0, ""))
        by_batch[row["batch"]] = (count + row["stop"] - row["start"], row["features"])
    return by_batch
