"""The dataset of what a model was asked: `<model>_requests`, which follows from two specs.

Belongs here: its columns and rules. Does not belong here: how its days come to be
(`serve/recording`, `engine/sealing`).
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.spec.calendar import Calendar
from ml_assets.spec.columns import Column
from ml_assets.spec.dataset import DatasetSpec, Landing
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.score import needed_columns, reads

SUFFIX = "_requests"
PREFIX = "request_"
"""Before the names of the columns that say how a row was asked and answered."""
DAY = "%Y-%m-%d"
SHADOW = "shadow_"
"""Before what the other version said, the one of champion and challenger that did not answer."""
ISO: dict[str, tuple[str, ...]] = {
    "timestamp": ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S.%f"),
    "date": (DAY,),
}
"""How values are written down that came typed, beside the formats of texts."""


def requests_name(model: str) -> str:
    """Return the name of the dataset of what a model was asked."""
    return f"{model}{SUFFIX}"


def requests_dataset(name: str, model: ModelSpec, dataset: DatasetSpec) -> DatasetSpec:
    """Return the dataset of what a model was asked: the types of its rows are the contract.

    All other rules only warn: else drift would refuse the day that shows it.
    """
    assert model.requests is not None
    needed = needed_columns(dataset, model)
    hashed = model.requests.sensitive == "hmac"
    asked = {n: _asked(c) for n, c in needed.items() if not c.sensitive or hashed}
    plain = {n for n, c in needed.items() if not c.sensitive}
    steps = [
        step.model_copy(update={"columns": tuple(n for n in step.columns if n in plain)})
        for step in dataset.cleaning
    ]
    return DatasetSpec(
        description=f"Rows that {name} was asked to predict, and its answers.",
        owners=model.owners,
        calendar=Calendar(name=requests_name(name), order=DAY),
        landing=Landing(
            pattern=rf"{requests_name(name)}-(?P<batch>\d{{4}}-\d{{2}}-\d{{2}})\.jsonl(\.gz)?",
            decimal=dataset.landing.decimal,
            thousands=dataset.landing.thousands,
            null_values=dataset.landing.null_values,
        ),
        key=(f"{PREFIX}id", f"{PREFIX}row"),
        time=f"{PREFIX}at",
        columns={**_own(model), **asked},
        cleaning=tuple(step for step in steps if step.columns),
        rules=tuple(
            rule.model_copy(update={"action": "warn"})
            for rule in dataset.rules
            if reads(rule.expression, dataset) <= plain
        ),
        quarantine_budget=1.0,
        # Days of before the first trial, or of a model without intervals, lack those columns.
        on_missing_column="ignore",
    )


def _asked(column: Column) -> Column:
    """Return a column of the dataset whose rows are predicted as one of what was asked."""
    if column.sensitive:
        return Column(type="text", description="HMAC-SHA256 of the value.", sensitive=True)
    formats = (*column.format, *ISO[column.type]) if column.format else ()
    return column.model_copy(update={"action": "warn", "known_at": None, "format": formats})


def _own(model: ModelSpec) -> Mapping[str, Column]:
    """Return the columns that say how a row was asked and answered."""
    classes = model.task == "multiclass"
    number = Column(type="number", unit=model.target_unit if model.task == "regression" else None)
    columns = {
        "id": Column(type="text", nullable=False, description="Of the request; sorts by time."),
        "row": Column(type="integer", nullable=False, description="The row's place, from 0."),
        "at": Column(type="timestamp", nullable=False, description="When it was answered."),
        "version": Column(type="category", nullable=False, description="Of the model."),
        "protocol": Column(type="category"),
        "seconds": Column(type="number", unit="s", description="From request to record."),
        "batch": Column(type="text", description="The batch that the request named."),
        "weight": Column(type="number", description="1 by the share of requests kept."),
        "prediction": Column(type="category") if classes else number,
        "class": Column(type="boolean", description="Whether it reached the threshold."),
        "probabilities": Column(type="text", description="Of each class, as JSON."),
        "low": number,
        "high": number,
        "set": Column(type="text", description="The classes that may be true, as JSON."),
        "unseen": Column(type="text", description="Features with a category never seen."),
        "missing_joins": Column(type="text", description="Joined datasets without a batch."),
        "features": Column(type="text", description="What was given instead of a row, as JSON."),
        **_beside(number, classes),
    }
    ends = model.prediction_intervals is not None and model.task == "regression"
    a_set = model.prediction_intervals is not None and model.task != "regression"
    absent = set() if classes else {"probabilities"}
    absent |= {"class"} if model.training.threshold is None else set()
    absent |= set() if ends else {"low", "high"}
    absent |= set() if a_set else {"set"}
    if model.gate.trial is None:
        absent |= {name for name in columns if name.startswith(SHADOW)}
    if "class" in absent:
        absent |= {f"{SHADOW}class"}
    return {
        f"{PREFIX}{name}": column.model_copy(update={"null_values": ()})
        for name, column in columns.items()
        if name not in absent
    }


def _beside(number: Column, classes: bool) -> dict[str, Column]:
    """Return the columns of the version that did not answer, during a trial."""
    columns = {
        "version": Column(type="category", description="Scored beside, and did not answer."),
        "seconds": Column(type="number", unit="s", description="To score the request's rows."),
        "prediction": Column(type="category") if classes else number,
        "class": Column(type="boolean", description="Whether it reached the threshold."),
    }
    if classes:
        columns["probabilities"] = Column(type="text", description="Of each class, as JSON.")
    return {f"{SHADOW}{name}": column for name, column in columns.items()}
