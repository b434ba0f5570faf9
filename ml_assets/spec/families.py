"""Model families and their settings; the code of each is a file in stages/train/."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator

from ml_assets.spec import estimators
from ml_assets.spec.base import Hook, Names, Spec
from ml_assets.spec.mistakes import Place


def _by_class(given: Any) -> Any:
    """Return weights by class with names as text: YAML reads `true` and `1` as they are."""
    if not isinstance(given, dict):
        return given
    return {str(k).lower() if isinstance(k, bool) else str(k): v for k, v in given.items()}


ClassWeight = Annotated[
    Literal["balanced"] | dict[str, Annotated[float, Field(gt=0)]] | None,
    BeforeValidator(_by_class),
]
Objective = Literal["l1", "l2", "quantile", "poisson"] | None
Quantile = Annotated[float, Field(gt=0, lt=1)] | None


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise ValueError(f"wanted values that JSON can hold: {error}") from None
    return value


class Median(Spec):
    """Baseline: the median of the training target (regression)."""

    family: Literal["median"]


class Mean(Spec):
    """Baseline: the mean of the training target (regression)."""

    family: Literal["mean"]


class TargetQuantile(Spec):
    """Baseline: a quantile of the training target (regression)."""

    family: Literal["quantile"]
    alpha: Quantile = None
    """By default that of the metric `pinball`, or 0.5."""


class GroupMedian(Spec):
    """Baseline: the median by group, shrunk to the overall median for unseen groups."""

    family: Literal["group_median"]
    by: str
    """The category feature to group by."""


class Prior(Spec):
    """Baseline: the class shares of the training target (binary, multiclass)."""

    family: Literal["prior"]


class Linear(Spec):
    """A scikit-learn pipeline: impute, scale, one-hot; ridge or logistic regression."""

    family: Literal["linear"]
    alpha: Annotated[float, Field(gt=0)] = 1.0
    """Strength of the L2 penalty."""
    max_rows: Annotated[int, Field(gt=0, lt=2**31)] = 100_000
    """Fit on at most this many rows, evenly spaced; the model notes it."""
    class_weight: ClassWeight = None
    """`balanced` gives every class the same weight in training; a mapping such as
    `{false: 1, true: 5}` says how many times a row of each class counts, 1 for others."""


class LightGBM(Spec):
    """Gradient-boosted trees with early stopping on validation."""

    family: Literal["lightgbm"]
    objective: str | None = None
    """LightGBM's objective, such as l1, l2, quantile, poisson or tweedie; by default the one that
    fits metric and task."""
    alpha: Quantile = None
    """The quantile of `objective: quantile`; by default that of the metric `pinball`, or 0.5."""
    num_trees: Annotated[int, Field(gt=0, le=1_000_000)] = 300
    """Largest number of trees; early stopping may use fewer."""
    early_stopping: Annotated[int, Field(gt=0, le=1_000_000)] = 30
    """Stop after this many trees without improvement on validation."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    num_leaves: Annotated[int, Field(ge=2, le=131_072)] = 63
    min_data_in_leaf: Annotated[int, Field(ge=1, lt=2**31)] = 100
    feature_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    bagging_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    lambda_l2: Annotated[float, Field(ge=0)] = 0.0
    max_bin: Annotated[int, Field(ge=2, le=65_535)] = 255
    class_weight: ClassWeight = None
    """`balanced` gives every class the same weight in training; a mapping such as
    `{false: 1, true: 5}` says how many times a row of each class counts, 1 for others."""


class LightGBMTuned(Spec):
    """LightGBM with settings searched by Optuna's TPE sampler, for a fixed number of trials."""

    family: Literal["lightgbm_tuned"]
    trials: Annotated[int, Field(gt=0, le=100_000)] = 10
    start: LightGBM = LightGBM(family="lightgbm")
    """The first trial; it also fixes the settings that are not searched."""
    num_leaves: tuple[int, int] = (15, 255)
    """For few rows the search begins lower: at a hundredth of them, but not below 4."""
    learning_rate: tuple[float, float] = (0.03, 0.3)
    min_data_in_leaf: tuple[int, int] = (20, 500)
    """Lowered for few rows: to at most a twentieth of them, from a four-hundredth."""
    feature_fraction: tuple[float, float] = (0.5, 1.0)

    @field_validator("num_leaves", "learning_rate", "min_data_in_leaf", "feature_fraction")
    @classmethod
    def _is_a_range(cls, value: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        for limit in value:
            try:
                LightGBM(family="lightgbm", **{str(info.field_name): limit})
            except ValidationError as error:
                said = error.errors()[0]["msg"].replace("Input should be", "wanted")
                raise ValueError(f"{said} (got {limit:g})") from None
        if value[0] > value[1]:
            raise ValueError(f"got a minimum of {value[0]:g} and a maximum of {value[1]:g}")
        return value


class Blend(Spec):
    """A weighted mean of other families' predictions.

    The weights are chosen on rows that the members did not learn from (Caruana et al., "Ensemble
    selection from libraries of models", ICML 2004).
    """

    family: Literal["blend"]
    of: Annotated[Names, Field(min_length=2)]
    """Names of families of this model; not baselines, blends, `sklearn` or custom families."""


class _Forest(Spec):
    """Settings of forests: trees that are grown independently and averaged."""

    num_trees: Annotated[int, Field(gt=0, le=10_000)] = 200
    num_leaves: Annotated[int, Field(ge=2, le=131_072)] = 1000
    """Most leaves of a tree. It bounds the model's size: at most some 60 bytes for a leaf."""
    min_data_in_leaf: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    """By default 1 for regression and 5 for classes, whose shares would be 0 or 1 otherwise."""
    feature_fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of columns tried for a split; by default all (regression), or their square root."""
    one_hot: Annotated[int, Field(ge=0, le=255)] = 10
    """A category of more values becomes the mean of the target instead of a column for each."""
    max_rows: Annotated[int, Field(gt=0, lt=2**31)] = 100_000
    """Grow on at most this many rows, evenly spaced; the model notes it."""
    class_weight: ClassWeight = None
    """`balanced` gives every class the same weight in training; a mapping such as
    `{false: 1, true: 5}` says how many times a row of each class counts, 1 for others."""


class RandomForest(_Forest):
    """Trees grown on resampled rows and averaged (scikit-learn)."""

    family: Literal["random_forest"]


class ExtraTrees(_Forest):
    """Trees with thresholds drawn at random, averaged (scikit-learn)."""

    family: Literal["extra_trees"]


class HistGradientBoosting(Spec):
    """Gradient-boosted trees on histograms (scikit-learn), stopped early on validation."""

    family: Literal["hist_gradient_boosting"]
    num_trees: Annotated[int, Field(gt=0, le=100_000)] = 300
    """Largest number of trees (of each class); early stopping may use fewer."""
    early_stopping: Annotated[int, Field(gt=0, le=100_000)] = 30
    """Stop after this many trees without improvement on validation."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    num_leaves: Annotated[int, Field(ge=2, le=131_072)] = 31
    min_data_in_leaf: Annotated[int, Field(ge=1, lt=2**31)] = 20
    lambda_l2: Annotated[float, Field(ge=0)] = 0.0
    max_bin: Annotated[int, Field(ge=2, le=255)] = 255
    objective: Objective = None
    """What a regression minimizes: l1, l2, quantile or poisson; by default what fits the metric."""
    alpha: Quantile = None
    """The quantile of `objective: quantile`; by default that of the metric `pinball`, or 0.5."""
    class_weight: ClassWeight = None
    """`balanced` gives every class the same weight in training; a mapping such as
    `{false: 1, true: 5}` says how many times a row of each class counts, 1 for others."""


class CatBoost(Spec):
    """Gradient-boosted trees with one split a level (CatBoost), stopped early on validation."""

    family: Literal["catboost"]
    num_trees: Annotated[int, Field(gt=0, le=100_000)] = 1000
    """Largest number of trees; early stopping may use fewer."""
    early_stopping: Annotated[int, Field(gt=0, le=100_000)] = 50
    """Stop after this many trees without improvement on validation."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """By default as CatBoost derives it from the number of rows and of trees."""
    depth: Annotated[int, Field(ge=1, le=16)] = 6
    lambda_l2: Annotated[float, Field(ge=0)] = 3.0
    one_hot: Annotated[int, Field(ge=0, le=255)] = 10
    """A category of more values becomes the mean of the target instead of a column for each."""
    objective: Objective = None
    """What a regression minimizes: l1, l2, quantile or poisson; by default what fits the metric."""
    alpha: Quantile = None
    """The quantile of `objective: quantile`; by default that of the metric `pinball`, or 0.5."""
    class_weight: ClassWeight = None
    """`balanced` gives every class the same weight in training; a mapping such as
    `{false: 1, true: 5}` says how many times a row of each class counts, 1 for others."""


class Estimator(Spec):
    """An estimator of scikit-learn with its settings."""

    estimator: str
    """Its name with its module, from the [list](families.md#estimators-of-scikit-learn)."""
    settings: dict[str, Any] = {}
    """Its parameters, as scikit-learn names them."""

    @field_validator("settings")
    @classmethod
    def _are_plain(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _plain(value)

    @property
    def taken(self) -> dict[str, Any]:
        """The settings that it gets."""
        return {**estimators.DEFAULTS.get(self.estimator, {}), **self.settings}

    def wrong(self, available: tuple[str, ...], what: str) -> Iterator[tuple[Place, str]]:
        """Yield what is wrong with name and settings."""
        said = estimators.wrong_name(self.estimator, available, what)
        if said is not None:
            yield ("estimator",), said
            return
        for name, why in estimators.wrong_settings(self.estimator, self.settings):
            yield ("settings", name), why


class Sklearn(Estimator):
    """An estimator of scikit-learn, or a pipeline of several, kept by skops."""

    family: Literal["sklearn"]
    steps: tuple[Estimator, ...] = ()
    """Transformers that come before it, in their order."""
    scale: bool = True
    """Whether numbers are first brought to mean 0 and standard deviation 1."""
    one_hot: Annotated[int, Field(ge=0, le=255)] = 10
    """A category of more values becomes the mean of the target instead of a column for each."""
    max_rows: Annotated[int, Field(gt=0, lt=2**31)] = 10_000
    """Fit on at most this many rows, evenly spaced; the model notes it."""
    class_weight: ClassWeight = None
    """`balanced` gives every class the same weight in training; a mapping such as
    `{false: 1, true: 5}` says how many times a row of each class counts, 1 for others."""

    def mistakes(self, task: str) -> Iterator[tuple[Place, str]]:
        """Yield what is wrong with the estimators for a task."""
        regression = task == "regression"
        lists = (estimators.REGRESSORS, estimators.CLASSIFIERS)
        what = "regressor" if regression else "classifier"
        yield from self.wrong(lists[not regression], what)
        for number, step in enumerate(self.steps):
            for place, said in step.wrong(estimators.TRANSFORMERS, "transformer"):
                yield ("steps", number, *place), said


class FromRounds(Spec):
    """The model that the sites of `federated` learned together; none before the first rounds."""

    family: Literal["federated"]


class Custom(Spec):
    """A custom family: a file with `fit`, `refit` and `predict`."""

    family: Literal["custom"]
    module: Hook
    """`file.py:name`: the file with the three functions, and a display name."""
    settings: dict[str, Any] = {}

    @field_validator("settings")
    @classmethod
    def _is_plain(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _plain(value)


FamilySpec = Annotated[
    Median
    | Mean
    | TargetQuantile
    | GroupMedian
    | Prior
    | Linear
    | LightGBM
    | LightGBMTuned
    | CatBoost
    | RandomForest
    | ExtraTrees
    | HistGradientBoosting
    | Blend
    | Sklearn
    | FromRounds
    | Custom,
    Field(discriminator="family"),
]


class Blended(Spec):
    """A blend with the settings of its members."""

    family: Literal["blend"]
    members: dict[str, FamilySpec]


BASELINES = ("median", "mean", "quantile", "group_median", "prior")
