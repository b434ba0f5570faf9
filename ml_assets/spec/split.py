"""How labelled rows are divided into train, validation and test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from ml_assets.spec.base import Names, Share, Spec
from ml_assets.spec.mistakes import Place


def _size(value: int | str) -> int | str:
    if isinstance(value, str) and not re.fullmatch(r"\d{1,9}(\.\d{1,9})?%", value):
        raise ValueError(
            f"got {value!r}, wanted a number of batches (2) or a percentage of rows ('15%')"
        )
    if isinstance(value, int) and value < 1:
        raise ValueError(f"got {value}, wanted at least one batch")
    return value


Size = Annotated[
    int | str,
    AfterValidator(_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^\d+(\.\d+)?%$"},
            ]
        }
    ),
]
"""A number of batches, or a share of the rows in time order such as `15%`. Shares are approximate:
rows of one event time stay together, and those of one day unless evaluation and gate draw rows."""


class TimeSplit(Spec):
    """Rolling origin: the newest batches are test, then validation, all older ones train."""

    kind: Literal["time"] = "time"
    test: Size = 2
    validation: Size = 1
    window: Annotated[int, Field(ge=1)] | None = None
    """Train on at most this many batches; all by default."""
    min_labelled: Share = 0.9
    """A batch takes a slot only if at least this share of its rows has a label."""
    overlap: Share = 0.05
    """Share of a train or validation batch's rows that may fall into the time of test, and of
    test's rows that may be older than its start (late records, local times): beyond it
    `fold_order` fails. For folds of whole batches."""

    @model_validator(mode="after")
    def _both_in_batches_or_in_shares(self) -> TimeSplit:
        if isinstance(self.test, int) != isinstance(self.validation, int):
            raise ValueError("test and validation: both in batches (2) or both in percent ('15%')")
        if isinstance(self.test, str) and isinstance(self.validation, str):
            total = float(self.test[:-1]) + float(self.validation[:-1])
            if total >= 100 or min(float(self.test[:-1]), float(self.validation[:-1])) <= 0:
                raise ValueError(
                    "test and validation: wanted percentages that leave rows for train"
                )
        return self


class HashSplit(Spec):
    """A row's fold depends on a hash of its key (or inputs) alone, so it never changes."""

    kind: Literal["hash"]
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    group: Names = ()
    """Columns of the dataset that are hashed in place of the key, so that rows of equal values stay
    in one fold; they need not be known when predicting. A row that lacks one is its own group."""
    salt: str = "0"
    stratify: bool = False
    """Keep the class shares equal across folds (not with a group)."""


SplitSpec = Annotated[TimeSplit | HashSplit, Field(discriminator="kind")]


def wrong_split(split: TimeSplit | HashSplit, task: str) -> Iterator[tuple[Place, str]]:
    """Yield what does not fit in a split of a model of a task, each with its place in the spec."""
    if not isinstance(split, HashSplit):
        return
    if split.test + split.validation >= 1:
        yield ("split",), "test and validation leave no rows for train"
    if split.stratify and split.group:
        yield ("split", "stratify"), "cannot be combined with group"
    if split.stratify and task == "regression":
        yield ("split", "stratify"), "is only for binary and multiclass"


class SplitRule(Spec):
    """Everything that dividing a model's rows depends on."""

    model: str
    split: SplitSpec
    on_duplicate_key: Literal["keep_latest", "error"]
    block: Literal["day"] | None = None
    """For shares of time: what stays in one fold besides rows of one time."""
