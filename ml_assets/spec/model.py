"""TabularModel: one model, its features, folds, families and evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ml_assets.errors import suggest
from ml_assets.spec.base import Hook, Name, Names, Reference, Resamples, Seed, Spec, by_name
from ml_assets.spec.expressions.constants import duration
from ml_assets.spec.families import (
    BASELINES,
    Blend,
    Blended,
    FamilySpec,
    GroupMedian,
    Sklearn,
)
from ml_assets.spec.family_mistakes import wrong_goal, wrong_members
from ml_assets.spec.federated import Federated, wrong_federation
from ml_assets.spec.gate import Described, GateSpec
from ml_assets.spec.intervals import PredictionIntervals
from ml_assets.spec.metrics import METRICS, Asked, Metric, plain
from ml_assets.spec.mistakes import Mistakes, Place
from ml_assets.spec.monitoring import Monitoring
from ml_assets.spec.protected import wrong_rule
from ml_assets.spec.requests import Requests
from ml_assets.spec.retrain import Retrain
from ml_assets.spec.scorers import Predictions
from ml_assets.spec.serving import Serving
from ml_assets.spec.split import HashSplit, SplitSpec, TimeSplit, wrong_split
from ml_assets.spec.threshold import Threshold

Task = Literal["regression", "binary", "multiclass"]
FeatureType = Literal["number", "integer", "category", "boolean", "date", "timestamp", "text"]


def _age(value: str) -> str:
    if duration(value) <= timedelta():
        raise ValueError(f"got {value!r}, wanted a duration above 0 such as '2 h'")
    return value


class Join(Spec):
    """Another dataset that the features function reads."""

    dataset: Reference
    """Its name; of another project on the same home `shop:sales`."""
    previous: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Also pass this many preceding batches (same calendar only), fewer at the start."""
    at: str | None = None
    """When a row's prediction is made: an [expression](expressions.md) over the columns known then,
    such as `time_hour + minute * '1 min'`. Joined rows of a later time are the future:
    `join_leakage` looks for features that read them."""
    max_age: Annotated[str, AfterValidator(_age)] | None = None
    """How much older than `at` the newest joined row may be, such as `2 h`; needs `at`."""
    stale: Literal["refuse", "missing"] = "refuse"
    """What becomes of rows whose joined batch has not landed, or whose newest joined row is older
    than `max_age`: the batch waits and is not trained on, and a row that is scored alone has a
    problem (`refuse`), or features are computed with what is there (`missing`)."""


class FeatureColumn(Spec):
    """One model input."""

    type: FeatureType | None = None
    """By default that of the dataset's column of its name."""
    description: str = ""
    unit: str | None = None
    sources: tuple[str, ...] = ()
    """The raw columns that it is derived from, as `dataset.column`: shown as column lineage, and
    they decide whether it is sensitive. Without a function it is the column of its name."""

    @property
    def kind(self) -> str:
        """The type, in a project that was read."""
        assert self.type is not None, "a project's features have their types"
        return self.type


class Leakage(Spec):
    """Known facts about features that come close to revealing the target."""

    acknowledged: dict[str, str] = {}
    """Features close to the target that are nevertheless known in time, each with the reason.
    `single_feature_leakage` names them and passes; report and model card show them."""


Columns = Annotated[
    dict[str, FeatureColumn],
    BeforeValidator(by_name, json_schema_input_type=dict[str, FeatureColumn | None] | list[str]),
]
"""Features by name; in YAML a list of names will do."""


class Features(Spec):
    """The model's inputs: columns of the dataset, or what a function computes from a batch."""

    function: Hook | None = None
    """A pure function `(dataset frame, joined frames by name) -> frame` with the same index;
    without it the inputs are the dataset's columns of these names."""
    columns: Columns = Field(min_length=1)
    """A list of names, or a mapping from each name to its options."""
    leakage: Leakage = Leakage()

    @model_validator(mode="after")
    def _acknowledged_are_there(self) -> Features:
        at = ("leakage", "acknowledged")
        wrong: list[tuple[Place, str]] = []
        for name, reason in self.leakage.acknowledged.items():
            if name not in self.columns:
                wrong.append(((*at, name), f"no feature {name!r}{suggest(name, self.columns)}"))
            if not reason.strip():
                wrong.append(((*at, name), "state why its value is known at prediction time"))
        if wrong:
            raise Mistakes(wrong)
        return self


class LeakageSpec(Spec):
    """Everything that judging single features by their values depends on."""

    task: Task
    columns: dict[str, FeatureColumn]
    acknowledged: dict[str, str]


class FeaturesSpec(Spec):
    """Everything that computing the features of a batch depends on."""

    model: Name
    dataset: Name
    known: tuple[str, ...]
    """Columns of the dataset that the function may read."""
    withheld: dict[str, str]
    """Columns that it may not read, and the moment from which each is known."""
    predict_at: str | None
    joins: tuple[Join, ...]
    previous: int
    key: tuple[str, ...]
    time: str | None
    target: str
    task: Task
    weight: str | None
    slices: tuple[str, ...]
    columns: dict[str, FeatureColumn]
    group: tuple[str, ...] = ()
    """Columns whose equal values a hash split keeps together."""
    inputs: tuple[str, ...] = ()
    """Without a key: the columns by whose values a row is known, in order of name."""
    looked: dict[str, tuple[str, ...]] = {}
    """Feature -> columns (`dataset.column`) whose values it is compared with."""


class MomentsSpec(FeaturesSpec):
    """Everything that holding joined rows against the moment of prediction depends on."""

    moments: dict[str, str]
    """Joined dataset -> when a row's prediction is made."""
    times: dict[str, str]
    """Joined dataset -> its column of event times."""


class Age(Spec):
    """How old the rows of a joined dataset may be."""

    at: str
    time: str
    """Its column of event times."""
    max_age: str
    stale: Literal["refuse", "missing"]


class AgesSpec(Spec):
    """Everything that holding the age of joined rows against its limit depends on."""

    model: Name
    joins: dict[Name, Age]


class Training(Spec):
    """The families to train, and how the best is chosen."""

    families: dict[Name, FamilySpec] = Field(min_length=1)
    metric: Metric
    """The metric by which families are compared on validation, such as `mae` or `{pinball: 0.9}`
    ([all](evaluation.md#metrics))."""
    selection: Literal["validation", "cross_validation"] = "validation"
    """Compare families on the validation fold, or by cross-validation within train and validation
    together: for small data, where one fold of few rows chooses by chance. Rows of a group stay
    together, and with a split by time each part is predicted from earlier rows alone."""
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    """The parts of a cross-validation."""
    threshold: Threshold | None = None
    """Binary: from which probability on a row is of class 1: a number, `f1` for the largest F1, or
    `{costs: {false_positive: 1, false_negative: 5}}` for the least cost. Chosen on validation or on
    the held-out rows of a cross-validation; by default 0.5
    ([more](../how-to/choose-a-threshold.md))."""
    refit: Literal["train+validation", "none"] = "train+validation"
    """Refit the chosen family with the settings found, on train and validation together."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """Threads of one fit; with too many, OpenMP spins while other processes need the core."""
    seed: Seed = 1


class FitSpec(Spec):
    """Everything that fitting one family depends on."""

    task: Task
    metric: Metric
    family: FamilySpec | Blended
    columns: dict[str, FeatureColumn]
    weighted: bool = False
    threads: int
    seed: int
    threshold: Threshold | None = None


class CrossSpec(FitSpec):
    """Everything that cross-validating one family depends on."""

    folds: int
    forward: bool
    """Each part is predicted from earlier rows alone."""
    grouped: bool
    """Rows of a group stay in one part."""
    salt: str


class ChooseSpec(Spec):
    """Everything that choosing among fitted families depends on."""

    metric: Metric
    baselines: tuple[str, ...]


class Intervals(Spec):
    """Block-bootstrap confidence intervals."""

    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    resamples: Resamples = 1000
    block: Literal["day", "row"] = "day"
    """What is drawn with replacement; rows of the same day depend on each other."""


class Evaluation(Spec):
    """What the evaluation report shows."""

    slices: Names = ()
    """Features or dataset columns; metrics are reported for each of their values."""
    protected: Names = ()
    """Features or dataset columns whose groups are compared: the metric, and of two classes whom
    the model selects ([more](../how-to/protected-groups.md))."""
    intervals: Intervals = Intervals()
    metrics: Asked = {}
    """More metrics to report ([which](evaluation.md#metrics)): a list such as
    `[f1, {recall_at_precision: 0.9}]`, or a mapping in which your own have `file.py:function`,
    called with (target, prediction)."""


class EvaluateSpec(Spec):
    """Everything that the evaluation report depends on."""

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
    sensitive: tuple[str, ...] = ()
    """Features and slices whose values may not be shown."""
    undeclared: tuple[str, ...] = ()
    """Those of `sensitive` whose sources are unknown."""
    acknowledged: dict[str, str] = {}
    """Features close to the target, and why they are not leakage."""


class ReportSpec(EvaluateSpec):
    """Everything that the page depends on besides the documents that it shows."""

    candidate: str | None
    """The candidate's content digest; None before it is known."""
    dummy: bool = False
    """Some of the rows are made up."""


class ExplainSpec(Spec):
    """Everything that importance and contributions depend on."""

    metric: Metric
    sensitive: tuple[str, ...] = ()
    seed: int


class OptimismSpec(Spec):
    """Everything that split optimism depends on: how the chosen family is fitted."""

    fit: FitSpec


class ChangeSpec(Spec):
    """Everything that comparing with the previous candidate depends on besides models and rows."""

    task: Task
    metric: Metric
    target: str
    key: tuple[str, ...]
    slices: tuple[str, ...] = ()
    intervals: Intervals
    seed: int
    previous: str | None = None
    """Digest of the previous candidate; None if there is none."""
    said: Described | None = None
    """The parts of its own spec, if known."""
    inputs: tuple[str, ...] = ()
    """Without a key: the columns by whose values a row is known."""


class OwnCheck(Spec):
    """Everything that a custom check depends on besides its code."""

    name: Name
    function: Hook


class Release(Spec):
    """What the bundle of a champion holds besides the model."""

    rows: bool = False
    """Whether it scores raw rows outside of the project: with the features function, all of your
    code that the function reaches, and how rows are read, cleaned and judged."""
    snapshots: Names = ()
    """Joined snapshots that go with it, as the champion knew them: the columns that `sources` of
    features name, and the key. Without `sources` of a snapshot, all of its columns."""


class ModelSpec(Spec):
    """A model trained continuously on one dataset and those joined to it."""

    description: str
    owners: tuple[str, ...] = ()
    """E-mail addresses or `team:name`."""
    dataset: Reference
    """The dataset whose rows are predicted; of another project on the same home `shop:sales`
    ([more](../how-to/share-a-home.md#a-dataset-of-another-project))."""
    joins: tuple[Join, ...] = ()
    previous: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Also pass the function this many preceding batches of the dataset itself."""
    task: Task
    target: str
    """A column or [expression](expressions.md) (`arr_delay > 15`); missing operands: no label."""
    target_unit: str | None = None
    predict_at: str | None = None
    """The dataset's moment at which predictions are made; later columns are withheld."""
    weight: str | None = None
    """A column with the weights of rows in training."""
    features: Features
    split: SplitSpec = TimeSplit()
    training: Training
    federated: Federated | None = None
    """Sites that learn one model together, without a row leaving its site
    ([more](../how-to/federated-training.md)); none by default."""
    prediction_intervals: PredictionIntervals | None = None
    """Give each prediction an interval, or a set of classes; none by default. `{}` will do."""
    evaluation: Evaluation = Evaluation()
    gate: GateSpec = GateSpec()
    """What a candidate must pass to become champion."""
    release: Release = Release()
    """What leaves with a champion."""
    serving: Serving = Serving()
    """What [the service](../how-to/serve-predictions.md) does with unusual rows."""
    requests: Requests | None = None
    """Keep the rows that the service predicts, as the dataset `<model>_requests`; by default they
    are not kept. `{}` will do ([more](../how-to/requests-as-data.md))."""
    predictions: Predictions = Predictions()
    """Which models score each batch, and answer requests."""
    monitoring: Monitoring | None = None
    """Report on each batch that was predicted: drift, and what came true; none by default. `{}`
    will do."""
    retrain: Retrain = Retrain()
    """When new data train the model again; by default always
    ([more](../how-to/when-to-train-again.md))."""
    checks: dict[Name, Hook] = {}
    """Custom checks: name to `file.py:function`, called with the features frame of a batch."""
    on_refused: Literal["exclude", "hold"] = "exclude"
    """Train without refused batches, or wait until they are corrected or withdrawn."""
    on_duplicate_key: Literal["keep_latest", "error"] = "keep_latest"
    """What to do with a row key that occurs in several batches."""

    @model_validator(mode="after")
    def _parts_fit(self) -> ModelSpec:
        wrong = [
            *self._wrong_joins(),
            *self._wrong_training(),
            *self._wrong_metrics(),
            *self._wrong_gate(),
            *wrong_split(self.split, self.task),
            *self._wrong_release(),
            *wrong_federation(
                self, self.training.families, self.features.columns, self.training.selection
            ),
        ]
        if wrong:
            raise Mistakes(wrong)
        return self

    def _wrong_joins(self) -> Iterator[tuple[Place, str]]:
        seen: set[str] = set()
        for number, join in enumerate(self.joins):
            place = ("joins", number, "dataset")
            if join.dataset == self.dataset:
                said = "is the model's own dataset; for its preceding batch set"
                yield place, f"{join.dataset!r} {said} `previous: 1` next to `dataset`"
            elif join.dataset in seen:
                yield place, f"{join.dataset!r} is joined twice"
            if join.max_age is not None and join.at is None:
                said = "is the age at the moment of prediction; say that moment as `at`"
                yield ("joins", number, "max_age"), said
            seen.add(join.dataset)

    def _wrong_training(self) -> Iterator[tuple[Place, str]]:
        training, families = self.training, ("training", "families")
        if plain(training.metric) not in METRICS[self.task]:
            near = suggest(training.metric, METRICS[self.task])
            yield ("training", "metric"), f"{training.metric!r} is not for {self.task}{near}"
        if not {family.family for family in training.families.values()} & set(BASELINES):
            yield families, f"add a trivial baseline ({', '.join(BASELINES)})"
        for name, family in training.families.items():
            place: Place = (*families, name, "family")
            if self.task != "regression" and family.family in BASELINES[:-1]:
                yield place, f"{family.family} is for regression; use prior"
            if self.task == "regression" and family.family == "prior":
                yield place, "prior is for binary and multiclass; use median"
            if isinstance(family, Sklearn):
                for at, said in family.mistakes(self.task):
                    yield (*families, name, *at), said
            if isinstance(family, Blend):
                yield from wrong_members((*families, name, "of"), family, training.families)
            parts = {"": family, "start": getattr(family, "start", None)}
            for part, settings in parts.items() if self.task == "regression" else ():
                if getattr(settings, "class_weight", None):
                    inside = (part, "class_weight") if part else ("class_weight",)
                    yield (*families, name, *inside), "is only for binary and multiclass"
            for part, settings in parts.items():
                for field, said in wrong_goal(self.task, training.metric, settings):
                    yield (*families, name, *((part,) if part else ()), field), said
            if isinstance(family, GroupMedian) and family.by not in self.features.columns:
                near = suggest(family.by, self.features.columns)
                yield (*families, name, "by"), f"no feature {family.by!r}{near}"

        if training.threshold is not None and self.task != "binary":
            yield ("training", "threshold"), "is only for binary"
        if training.selection == "cross_validation" and training.refit == "none":
            said = "none leaves no model after a cross-validation; wanted train+validation"
            yield ("training", "refit"), said

    def _wrong_metrics(self) -> Iterator[tuple[Place, str]]:
        for name, hook in self.evaluation.metrics.items():
            if hook is None and plain(name) not in METRICS[self.task]:
                near = suggest(name, METRICS[self.task])
                said = f"{name!r} is not for {self.task}{near}"
                yield (
                    ("evaluation", "metrics", name),
                    f"{said}; your own has FILE.py:FUNCTION",
                )

    def _wrong_gate(self) -> Iterator[tuple[Place, str]]:
        wanted = (self.gate.slices and self.gate.slices.names) or ()
        for name in sorted(set(wanted) - set(self.evaluation.slices)):
            near = suggest(name, self.evaluation.slices)
            yield ("gate", "slices", "names"), f"{name!r} is not in evaluation.slices{near}"
        yield from wrong_rule(self.gate.protected, self.evaluation.protected, self.task)
        grouped = isinstance(self.split, HashSplit) and bool(self.split.group)
        if self.gate.not_worse.block == "group" and not grouped:
            yield ("gate", "not_worse", "block"), "group needs a hash split with a group"

    def _wrong_release(self) -> Iterator[tuple[Place, str]]:
        joined = [join.dataset for join in self.joins]
        for number, name in enumerate(self.release.snapshots):
            place = ("release", "snapshots", number)
            if name not in joined:
                yield place, f"{name!r} is not joined{suggest(name, joined)}"
        if self.release.snapshots and not self.release.rows:
            yield ("release", "snapshots"), "are for raw rows; set `rows: true`"
