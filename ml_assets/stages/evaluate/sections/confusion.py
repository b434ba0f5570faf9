"""Section (binary, multiclass): which class is mistaken for which."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_assets.stages.counted import counted
from ml_assets.stages.evaluate import words
from ml_assets.stages.evaluate.section import (
    Line,
    ReportTable,
    Section,
    Study,
    TableCell,
    View,
    lines,
)
from ml_assets.stages.metrics import HALF

NAME = "confusion"
MOST = 12
"""Classes in the matrix; beyond that the rarest are combined."""
UNKNOWN = "(not in training)"
OTHERS = "(others)"


def measure(study: Study) -> dict[str, Any]:
    """Return labels and counts: a row for each true class, a column for each predicted one."""
    if study.spec.task == "regression":
        return {}
    rows = study.rows
    if study.spec.task == "binary":
        names, predicted = ["0", "1"], (rows.prediction >= rows.at).astype(np.int64)
    else:
        names, predicted = list(rows.classes), rows.prediction.argmax(axis=1)
    target = rows.target.astype(np.int64)
    order = np.argsort(-np.bincount(target[target >= 0], minlength=len(names)), kind="stable")
    kept = sorted(order[:MOST].tolist()) if len(names) > MOST else list(range(len(names)))
    place = np.full(len(names) + 1, len(kept))
    place[kept] = np.arange(len(kept))
    place[-1] = len(kept) + 1  # target -1
    counts = np.zeros((len(kept) + 2, len(kept) + 2), dtype=np.int64)
    np.add.at(counts, (place[target], place[predicted]), 1)
    return {
        "labels": [*(names[at] for at in kept), OTHERS, UNKNOWN],
        "counts": counts.tolist(),
        "classes": len(names),
        **({"threshold": rows.at} if rows.at != HALF else {}),
    }


def show(view: View) -> Section | None:
    """Return the matrix, and precision, recall and F1 by class."""
    measured = view.sections[NAME]
    if not measured:
        return None
    counts = np.array(measured["counts"])
    used = (counts.sum(axis=0) + counts.sum(axis=1)) > 0
    said = np.flatnonzero(used & (counts.sum(axis=0) > 0))
    true = np.flatnonzero(used)
    labels = measured["labels"]
    body = []
    for row in true:
        total = max(int(counts[row].sum()), 1)
        cells: list[TableCell | str] = [TableCell(labels[row]), f"{counts[row].sum():,}"]
        for column in said:
            share = counts[row, column] / total
            cells.append(TableCell(f"{counts[row, column]:,}", under=words.share(share)))
        body.append(Line(cells))
    head = ["Class", "Rows", *(f"predicted {labels[column]}" for column in said)]
    matrix = ReportTable("Confusion matrix", head, body, title="Predictions by true class")
    where = f"1 from a probability of {measured.get('threshold', HALF):.3g}"
    if view.spec.task != "binary":
        where = "the likeliest class"
    missing = [labels[row] for row in true if not counts[row].sum()]
    missing += [labels[row] for row in range(len(labels) - 2) if not used[row]]
    notes = [f"Not on test: {', '.join(missing)}."] if missing else []
    if counts[-1].any():
        unknown = counted(int(counts[-1].sum()), "test row")
        notes.append(f"{unknown} of a class that is not in training.")
    if measured["classes"] > MOST:
        notes.append(f"The {MOST} most frequent of {measured['classes']:,} classes are shown.")
    text = f"Rows of the matrix are true classes, columns the predicted ones ({where})."
    tables = [matrix, _by_class(labels, counts)]
    return Section(NAME, "Confusion", text, tables, (), notes)


def _by_class(labels: list[str], counts: Any) -> ReportTable:
    body = []
    for place, label in enumerate(labels[:-1]):
        hit, true = counts[place, place], counts[place].sum()
        said = counts[:, place].sum()
        if not true + said or label == OTHERS:
            continue
        precision = words.share(hit / said) if said else words.NONE
        recall = words.share(hit / true) if true else words.NONE
        f1 = f"{2 * hit / (said + true):.3f}"
        body.append([label, f"{true:,}", precision, recall, f1])
    head = ["Class", "Rows", "Precision", "Recall", "F1"]
    return ReportTable("By class", head, lines(body), title="By class")
