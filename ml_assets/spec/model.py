"""TabularModel: one model, its features, folds, families and evaluation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ml_assets.errors import suggest
from ml_assets.spec.base import Hook, Name, Spec
from ml_assets.spec.dataset import Expression
from ml_assets.spec.families import BASELINES, FamilySpec, GroupMedian
from ml_assets.spec.gate import GateSpec
from ml_assets.spec.split import HashSplit, SplitSpec, TimeSplit

Task = Literal["regression", "binary", "multiclass"]
Metric = Literal["mae", "rmse", "r2", "median_ae", "log_loss", "brier", "auc", "accuracy"]
METRICS: dict[str, tuple[str, ...]] = {
    "regression": ("mae", "rmse", "r2", "median_ae"),
    "binary": ("log_loss", "brier", "auc", "accuracy"),
    "multiclass": ("log_loss", "accuracy"),
}


class Join(Spec):
    """Another dataset that the features read."""

    dataset: Name
    previous: Annotated[int, Field(ge=0)] = 0
    """Also give this many batches before (same calendar only), fewer at the start."""


class FeatureColumn(Spec):
    """One model input."""

    type: Literal["number", "integer", "category", "boolean"]
    description: str = ""
    unit: str | None = None
    sources: tuple[str, ...] = ()
    """The raw columns it comes from, `dataset.column`; drawn as column lineage."""


class Features(Spec):
    """How a batch becomes model inputs."""

    function: Hook
    """A pure function `(dataset frame, joined frames by name) -> frame` with the same index."""
    columns: dict[str, FeatureColumn] = Field(min_length=1)


class FeaturesSpec(Spec):
    """All that computing the features of a batch depends on."""

    model: Name
    dataset: Name
    known: tuple[str, ...]
    """Columns of the dataset that the function may read."""
    withheld: dict[str, str]
    """Columns that it may not, and the moment from which each is known."""
    predict_at: str | None
    joins: tuple[Join, ...]
    previous: int
    key: tuple[str, ...]
    time: str | None
    target: Expression
    task: Task
    weight: str | None
    slices: tuple[str, ...]
    columns: dict[str, FeatureColumn]
    group: tuple[str, ...] = ()
    """Key columns that a hash split keeps together."""


class Training(Spec):
    """What is trained and how the best is chosen."""

    families: dict[Name, FamilySpec] = Field(min_length=1)
    metric: Metric
    """The families are compared by this metric on validation."""
    refit: Literal["train+validation", "none"] = "train+validation"
    """Refit the chosen family, with the settings found, on train and validation."""
    threads: Annotated[int, Field(ge=1)] = 1
    """Threads of one fit; OpenMP spins where another process wants the same core."""
    seed: int = 1


class FitSpec(Spec):
    """All that fitting one family depends on."""

    task: Task
    metric: Metric
    family: FamilySpec
    columns: dict[str, FeatureColumn]
    weighted: bool = False
    threads: int
    seed: int


class ChooseSpec(Spec):
    """All that choosing among fitted families depends on."""

    metric: Metric
    baselines: tuple[str, ...]


class Intervals(Spec):
    """Block-bootstrap confidence intervals."""

    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100)] = 1000
    block: Literal["day", "row"] = "day"
    """What is drawn with replacement; rows of one day depend on each other."""


class Evaluation(Spec):
    """What the evaluation report says."""

    slices: tuple[str, ...] = ()
    """Feature or dataset columns; metrics are given for each of their values."""
    intervals: Intervals = Intervals()
    metrics: dict[Name, Hook] = {}
    """Own metrics: name to `file.py:function`, called with (target, prediction)."""


class EvaluateSpec(Spec):
    """All that the evaluation report depends on."""

    model: Name
    description: str
    task: Task
    metric: Metric
    target: str
    target_unit: str | None
    predict_at: str | None = None
    time: str | None
    columns: dict[str, FeatureColumn]
    evaluation: Evaluation
    seed: int


class OwnCheck(Spec):
    """All that a user's own check depends on, besides its code."""

    name: Name
    function: Hook


class ModelSpec(Spec):
    """A model trained continuously on one dataset and those joined to it."""

    description: str
    owners: tuple[str, ...] = ()
    """E-mail addresses or `team:name`."""
    dataset: Name
    """The dataset whose rows are predicted."""
    joins: tuple[Join, ...] = ()
    previous: Annotated[int, Field(ge=0)] = 0
    """Also give the function this many batches before of the dataset itself."""
    task: Task
    target: Expression
    """A column or an expression over columns (`arr_delay > 15`); missing operands: no label."""
    target_unit: str | None = None
    predict_at: str | None = None
    """The dataset's moment at which predictions are made; later columns are withheld."""
    weight: str | None = None
    """A column that weighs rows in training."""
    features: Features
    split: SplitSpec = TimeSplit()
    training: Training
    evaluation: Evaluation = Evaluation()
    gate: GateSpec = GateSpec()
    """What a candidate must pass to become champion."""
    checks: dict[Name, Hook] = {}
    """Own checks: name to `file.py:function`, called with the features frame of a batch."""
    on_refused: Literal["exclude", "hold"] = "exclude"
    """Train without refused batches, or wait until they are corrected or withdrawn."""
    on_duplicate_key: Literal["keep_latest", "error"] = "keep_latest"
    """What to do with a row key that stands in several batches."""

    @field_validator("joins")
    @classmethod
    def _joined_once(cls, joins: tuple[Join, ...]) -> tuple[Join, ...]:
        names = [join.dataset for join in joins]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"joined twice: {', '.join(twice)}")
        return joins

    @model_validator(mode="after")
    def _parts_fit(self) -> ModelSpec:
        wrong: list[str] = []
        if self.training.metric not in METRICS[self.task]:
            wrong.append(
                f"training.metric: {self.training.metric!r} is not for {self.task}"
                f"{suggest(self.training.metric, METRICS[self.task])}"
            )
        kinds = {family.family for family in self.training.families.values()}
        if not kinds & set(BASELINES):
            wrong.append(f"training.families: add a trivial baseline ({', '.join(BASELINES)})")
        regression_only = sorted(kinds & {"median", "group_median"})
        if self.task != "regression" and regression_only:
            wrong.append(
                f"training.families: {', '.join(regression_only)} is for regression; use prior"
            )
        if self.task == "regression" and "prior" in kinds:
            wrong.append("training.families: prior is for binary and multiclass; use median")
        for name, family in self.training.families.items():
            if isinstance(family, GroupMedian) and family.by not in self.features.columns:
                wrong.append(
                    f"training.families.{name}.by: no feature {family.by!r}"
                    f"{suggest(family.by, self.features.columns)}"
                )
        wanted = (self.gate.slices and self.gate.slices.names) or ()
        for name in sorted(set(wanted) - set(self.evaluation.slices)):
            wrong.append(
                f"gate.slices.names: {name!r} is not in evaluation.slices"
                f"{suggest(name, self.evaluation.slices)}"
            )
        grouped = isinstance(self.split, HashSplit) and bool(self.split.group)
        if self.gate.not_worse.block == "group" and not grouped:
            wrong.append("gate.not_worse.block: group needs a hash split with group")
        if isinstance(self.split, HashSplit):
            if self.split.test + self.split.validation >= 1:
                wrong.append("split: test and validation leave nothing for train")
            if self.split.stratify and self.split.group:
                wrong.append("split.stratify: not together with group")
            if self.split.stratify and self.task == "regression":
                wrong.append("split.stratify: for binary and multiclass")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self
