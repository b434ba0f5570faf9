"""Every kind of asset: to add one, write a stage, a recipe, and a `UnitKind` and an
`Asset` here.

Everything else about an asset follows from its entry: the order of a run, edges, partitions, code
versions, what Dagster shows, the reference. Functions are named and not imported, so that a command
loads only the recipes and libraries that it uses.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

Owner = Literal["dataset", "model"]
RECIPES = "ml_assets.engine.recipes"
DESCRIBE, SHOW = "ml_assets.graph.describe", "ml_assets.graph"


@dataclass(frozen=True)
class UnitKind:
    """Assets that are made together: one step of a run, for each batch if they have batches."""

    name: str
    recipe: str
    """`module:function` of a `Recipe`: (session, unit) -> one `Made` for each asset."""
    code: str
    """`module:function`: (project, workspace, group) -> what its code version depends on."""
    effect: str = ""
    """`module:function` of `graph`: what must follow outside the store before it is published."""
    libraries: tuple[str, ...] = ()
    """Modules that its stages import, and that a run may import while it waits."""
    mlflow: bool = False
    """Whether its effect needs MLflow, which takes seconds to start."""
    spare: bool = False
    """Nothing depends on it, so it is made while a core would otherwise wait for a model."""


@dataclass(frozen=True)
class Asset:
    """One kind of asset of every dataset or every model."""

    name: str
    owner: Owner
    unit: UnitKind | None
    """None if it is not made but observed."""
    sources: tuple[str, ...]
    """Assets that it depends on: of its own group by name, `dataset/…` of the model's dataset,
    `joins/…` of every dataset that the model joins, `model/…` of the model that was asked."""
    description: str
    kinds: frozenset[str]
    """Dagster's kinds."""
    implied: tuple[str, ...] = ()
    """Sources that follow from the others; Dagster's lineage page omits their arrows."""
    batched: bool = False
    """Whether it has a partition for each batch, unless its dataset is a snapshot."""
    sparse: bool = False
    """Whether its recipe may have nothing to make for a batch."""
    declared_by: str = ""
    """The field of a model's spec without which the model has no such asset: `part.field`."""
    of_requests: tuple[str, ...] = ()
    """The sources of the same asset of the dataset of what the model was asked, which has one only
    if there are some."""
    own_checks: bool = False
    """Whether the user's own checks are shown on it."""
    described: bool = False
    """Whether the spec's own description is added to this one."""
    of_families: bool = False
    """Whether the libraries of the model's families are among its kinds."""
    rows: bool = False
    """Whether its first rows are shown."""
    definition: str = ""
    """`module:function` of `graph`: spec -> metadata of the asset's definition."""
    record: str = ""
    """`module:function` of `graph`: (home, project, record) -> metadata of a materialization."""


BATCH = UnitKind(
    "batch",
    f"{RECIPES}.dataset:batch",
    f"{RECIPES}.dataset:batch_code",
    libraries=("pandera.pandas",),
)
FEATURES = UnitKind(
    "features",
    f"{RECIPES}.features:features",
    f"{RECIPES}.features:features_code",
    libraries=("pandas", "scipy.stats"),
)
PREDICTIONS = UnitKind(
    "predictions",
    f"{RECIPES}.predictions:predictions",
    f"{RECIPES}.predictions:predictions_code",
    libraries=("lightgbm",),
)
CHALLENGER_PREDICTIONS = UnitKind(
    "challenger_predictions",
    f"{RECIPES}.challenger:challenger_predictions",
    f"{RECIPES}.challenger:challenger_code",
    libraries=("lightgbm",),
)
TRIAL = UnitKind(
    "trial",
    f"{RECIPES}.trial:trial",
    f"{RECIPES}.trial:trial_code",
    effect=f"{SHOW}.effects:end_trial",
    mlflow=True,
)
SPLITS = UnitKind("splits", f"{RECIPES}.splits:splits", f"{RECIPES}.splits:splits_code")
CANDIDATE = UnitKind(
    "candidate",
    f"{RECIPES}.retrain:candidate",
    f"{RECIPES}.candidate:candidate_code",
    libraries=("sklearn.linear_model", "lightgbm"),
)
QUALITY_REPORT = UnitKind(
    "quality_report",
    f"{RECIPES}.quality:quality_report",
    f"{RECIPES}.quality:quality_report_code",
    spare=True,
)
EVALUATION_REPORT = UnitKind(
    "evaluation_report",
    f"{RECIPES}.evaluation:evaluation_report",
    f"{RECIPES}.evaluation:evaluation_report_code",
    effect=f"{SHOW}.effects:log_to_mlflow",
    libraries=("jinja2", "matplotlib.figure", "matplotlib.backends.backend_svg"),
    mlflow=True,
)
MONITORING_REPORT = UnitKind(
    "monitoring_report",
    f"{RECIPES}.monitoring:monitoring_report",
    f"{RECIPES}.monitoring:monitoring_report_code",
    libraries=("lightgbm", "jinja2"),
    spare=True,
)
CHAMPION = UnitKind(
    "champion",
    f"{RECIPES}.champion:champion",
    f"{RECIPES}.champion:champion_code",
    effect=f"{SHOW}.effects:record_decision",
    mlflow=True,
)
RELEASE = UnitKind(
    "release",
    f"{RECIPES}.release:release",
    f"{RECIPES}.release:release_code",
    effect=f"{SHOW}.effects:verify",
)

ASSETS = (
    Asset(
        "landing",
        "dataset",
        None,
        (),
        "Landed files, unchanged; observed with the digest of their bytes.",
        frozenset({"file"}),
        batched=True,
        described=True,
    ),
    Asset(
        "raw",
        "dataset",
        BATCH,
        ("landing",),
        "Every record that parses, typed; nothing dropped. `_line` is its line in the file.",
        frozenset({"table", "parquet"}),
        batched=True,
        rows=True,
        definition=f"{DESCRIBE}:contract_metadata",
    ),
    Asset(
        "cleaned",
        "dataset",
        BATCH,
        ("raw",),
        "Rows that satisfy the contract, after the declared cleaning and filters.",
        frozenset({"table", "pandas"}),
        batched=True,
        own_checks=True,
        rows=True,
        definition=f"{DESCRIBE}:contract_metadata",
    ),
    Asset(
        "quarantine",
        "dataset",
        BATCH,
        ("raw",),
        "Records that do not parse or break a rule: rule, reason, line and text.",
        frozenset({"table", "parquet"}),
        batched=True,
        rows=True,
    ),
    Asset(
        "features",
        "model",
        FEATURES,
        ("dataset/cleaned", "joins/cleaned"),
        "Model inputs with key, event time and target, by batch.",
        frozenset({"table", "pandas"}),
        batched=True,
        own_checks=True,
        rows=True,
        definition=f"{DESCRIBE}:inputs_metadata",
        record=f"{DESCRIBE}:lineage_metadata",
    ),
    Asset(
        "predictions",
        "model",
        PREDICTIONS,
        ("features",),
        "A batch's predictions by the champion of the time when it was first cleaned.",
        frozenset({"table"}),
        batched=True,
        sparse=True,
        rows=True,
        record=f"{SHOW}.predictions:predictions_metadata",
    ),
    Asset(
        "challenger_predictions",
        "model",
        CHALLENGER_PREDICTIONS,
        ("features", "predictions"),
        "The same batch's predictions by the challenger of that time; "
        "with `predictions: {challenger: true}`.",
        frozenset({"table"}),
        implied=("features",),
        batched=True,
        sparse=True,
        declared_by="predictions.challenger",
        rows=True,
        record=f"{SHOW}.predictions:challenger_metadata",
    ),
    Asset(
        "trial",
        "model",
        TRIAL,
        ("features", "predictions", "challenger_predictions"),
        "The challenger beside the champion, until one of them is shown to be better; with "
        "`gate: {mode: trial}`.",
        frozenset({"html"}),
        implied=("features", "predictions"),
        sparse=True,
        declared_by="gate.trial",
        record=f"{SHOW}.trial:trial_metadata",
    ),
    Asset(
        "train_split",
        "model",
        SPLITS,
        ("features",),
        "The labelled rows that the families are trained on: references, never copies.",
        frozenset({"table"}),
    ),
    Asset(
        "validation_split",
        "model",
        SPLITS,
        ("features",),
        "The labelled rows for early stopping and for comparing the families.",
        frozenset({"table"}),
    ),
    Asset(
        "test_split",
        "model",
        SPLITS,
        ("features",),
        "The labelled rows of the evaluation report; nothing is selected on them.",
        frozenset({"table"}),
    ),
    Asset(
        "candidate",
        "model",
        CANDIDATE,
        ("features", "train_split", "validation_split"),
        "The best family on validation, refitted; with its leaderboard.",
        frozenset({"mlflow"}),
        implied=("features",),
        described=True,
        of_families=True,
        record=f"{SHOW}.report:candidate_metadata",
    ),
    Asset(
        "quality_report",
        "dataset",
        QUALITY_REPORT,
        ("raw", "cleaned", "quarantine"),
        "Statistics, drift and gaps of the landed data, and which rows cleaning removes.",
        frozenset({"html"}),
        implied=("raw",),
        batched=True,
        record=f"{SHOW}.quality:quality_metadata",
    ),
    Asset(
        "evaluation_report",
        "model",
        EVALUATION_REPORT,
        ("features", "candidate", "train_split", "validation_split", "test_split"),
        "The candidate's metrics on test, compared with the trivial baseline.",
        frozenset({"html"}),
        implied=("features", "train_split", "validation_split"),
        record=f"{SHOW}.report:report_metadata",
    ),
    Asset(
        "monitoring_report",
        "model",
        MONITORING_REPORT,
        ("features", "predictions", "challenger_predictions"),
        "Drift of a batch's inputs and predictions, and what came true of them.",
        frozenset({"html"}),
        implied=("features", "model/features"),
        of_requests=("cleaned", "model/features"),
        batched=True,
        sparse=True,
        declared_by="monitoring",
        record=f"{SHOW}.monitoring:monitoring_metadata",
    ),
    Asset(
        "champion",
        "model",
        CHAMPION,
        (
            "features",
            "candidate",
            "evaluation_report",
            "train_split",
            "validation_split",
            "test_split",
        ),
        "The gate's decision on the candidate, its evidence, and the champion.",
        frozenset({"json", "mlflow"}),
        implied=("features", "candidate", "train_split", "validation_split", "test_split"),
        record=f"{SHOW}.decision:log_metadata",
    ),
    Asset(
        "release",
        "model",
        RELEASE,
        ("features", "candidate", "evaluation_report", "champion"),
        "The champion as a self-contained bundle, verified in a fresh process.",
        frozenset({"onnx"}),
        implied=("features", "candidate", "evaluation_report"),
    ),
)
"""In data-flow order, which is also the order of a run where the graph allows several."""

PREDICTED = ("predictions", "challenger_predictions")
"""The assets with a prediction for each row of a batch, by a model that is pinned for it."""
BY_NAME: Mapping[str, Asset] = {asset.name: asset for asset in ASSETS}
KINDS: Mapping[str, UnitKind] = {asset.unit.name: asset.unit for asset in ASSETS if asset.unit}
"""The kinds of unit by name, in the order of a run where the graph allows several."""


@cache
def made_by(kind: str) -> list[Asset]:
    """Return the assets that a kind of unit makes, in data-flow order."""
    return [asset for asset in ASSETS if asset.unit is not None and asset.unit.name == kind]


@cache
def function(reference: str) -> Callable[..., Any]:
    """Return the function that an entry names as `module:function`."""
    module, name = reference.split(":")
    target: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return target
