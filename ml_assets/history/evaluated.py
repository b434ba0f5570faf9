"""The evaluation report of a past candidate: its metrics on test, and the rows of test.

Belongs here: finding it in the records. Does not belong here: measuring.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import Version


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation of a candidate found, and on which rows."""

    metrics: Ref
    predictions: Ref
    test: Ref
    features: dict[str, Ref]
    """The features tables that `test` refers to, by batch."""


def evaluated(home: Home, model: str, version: Version) -> Evaluated | None:
    """Return the newest evaluation of a candidate; None if the store no longer has all of it."""
    for item in reversed(home.records.versions(f"{model}/evaluation_report")):
        made = home.records.action(item.actions.get("evaluate", ""))
        given = {} if made is None else made.ingredients["inputs"]
        if given.get("model") != version.outputs["model"].digest:
            continue
        report = Evaluated(
            metrics=item.outputs["metrics"],
            predictions=item.outputs["predictions"],
            test=Ref(given["test"], "table"),
            features={batch: Ref(table, "table") for batch, table in given["features"]},
        )
        refs = [report.metrics, report.predictions, report.test, *report.features.values()]
        if not home.objects.missing(sorted({ref.digest for ref in refs})):
            return report
    return None
