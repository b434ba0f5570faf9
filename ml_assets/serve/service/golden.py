"""Golden rows: test rows with the predictions that the evaluation report recorded.

A version takes traffic only after it gave the same predictions again, to the bit, in the process
that serves it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.errors import StageError
from ml_assets.serve.model import LoadedVersion
from ml_assets.store.home import Home

ROWS = 50
"""Golden rows: enough to see another library or another document, few enough for a take-over
within a second."""


@dataclass(frozen=True)
class Golden:
    """Rows of features and the predictions that they had."""

    features: pa.Table
    wanted: pa.Array
    """(n,) a number, a probability of true, or of classes the probability of the likeliest."""


def golden_of(home: Home, model: str, document: str) -> Golden | None:
    """Return golden rows of a model document (its digest), None if its report is gone."""
    for report in reversed(home.records.versions(f"{model}/evaluation_report")):
        made = home.records.action(report.actions.get("evaluate", ""))
        given = {} if made is None else made.ingredients["inputs"]
        if given.get("model") != document:
            continue
        needed = {report.outputs["predictions"].digest, *dict(given["features"]).values()}
        if home.objects.missing(sorted(needed)):
            continue
        predictions = home.objects.table(report.outputs["predictions"].digest)
        return _taken(home, predictions, dict(given["features"]))
    return None


def check(home: Home, model: str, state: LoadedVersion) -> None:
    """Raise StageError if a state does not give its golden rows the predictions that they had.

    Nothing is checked if their report is gone.
    """
    golden = golden_of(home, model, state.document)
    if golden is None or not len(golden.features):
        return
    scorer, wanted = state.scorer, golden.wanted.to_numpy()
    # Both ways by which the service predicts.
    for now in (scorer.predictions(golden.features, None), scorer.few_by_few(golden.features)):
        other = int(((now if now.ndim == 1 else now.max(axis=1)) != wanted).sum())
        if other:
            raise StageError(
                f"{model} v{state.version}: {other} of {len(now)} golden rows have other "
                "predictions in this process than in the evaluation report; are its libraries "
                "those of the lock?"
            )


def _taken(home: Home, predictions: pa.Table, features: dict[str, str]) -> Golden:
    """Return the first rows of the newest batch that is among the predictions."""
    batch = predictions["batch"][len(predictions) - 1].as_py() if len(predictions) else ""
    column = "probability" if "probability" in predictions.column_names else "prediction"
    part = predictions.filter(pc.equal(predictions["batch"].cast(pa.string()), batch))
    table = home.objects.table(features[batch])
    there = pc.index_in(part["_key"], table["_key"].combine_chunks())
    part = part.append_column("_at", there).slice(0, ROWS)
    # A report leaves out rows, never adds any.
    return Golden(table.take(part["_at"].combine_chunks()), part[column].combine_chunks())
