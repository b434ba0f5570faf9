"""The checks that every dataset and model has: add new ones here, one entry each.

This registry is in no stage's code closure: adding a check runs that check and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import ModelSpec


@dataclass(frozen=True)
class CheckEntry:
    """A check: the asset on which it is shown, its function, and its inputs."""

    name: str
    asset: str
    stage: str
    inputs: tuple[str, ...]
    description: str


CHECKS = (
    CheckEntry(
        "contract",
        "cleaned",
        "ml_assets.stages.check.contract:check",
        ("summary",),
        "The newest landed file satisfies the contract and stays within its quarantine budget.",
    ),
    CheckEntry(
        "row_accounting",
        "cleaned",
        "ml_assets.stages.check.row_accounting:check",
        ("summary", "cleaned", "quarantine"),
        "landed = cleaned + filtered + quarantined, exactly.",
    ),
    CheckEntry(
        "key_unique",
        "cleaned",
        "ml_assets.stages.check.key_unique:check",
        ("cleaned",),
        "No two rows of the batch have the same key.",
    ),
    CheckEntry(
        "batch_period",
        "cleaned",
        "ml_assets.stages.check.batch_period:check",
        ("cleaned",),
        "The rows' times are in the period that the batch's name gives.",
    ),
    CheckEntry(
        "volume",
        "quality_report",
        "ml_assets.stages.check.volume:check",
        ("figures",),
        "The number of landed rows is similar to the reference batches.",
    ),
    CheckEntry(
        "completeness",
        "quality_report",
        "ml_assets.stages.check.completeness:check",
        ("figures",),
        "No more values are missing than in the reference, and no day lacks rows.",
    ),
    CheckEntry(
        "drift",
        "quality_report",
        "ml_assets.stages.check.drift:check",
        ("figures",),
        "No column differs from the reference by more than chance.",
    ),
    CheckEntry(
        "selection_bias",
        "quality_report",
        "ml_assets.stages.check.selection_bias:check",
        ("figures",),
        "Filters and quarantine remove no kind of row disproportionately.",
    ),
    CheckEntry(
        "target_leakage",
        "features",
        "ml_assets.stages.check.target_leakage:check",
        (),
        "No feature is derived from values known only after the prediction.",
    ),
    CheckEntry(
        "row_independence",
        "features",
        "ml_assets.stages.check.row_independence:check",
        ("main", "joins", "previous", "features"),
        "A row's features are the same when computed alone, permuted and in its batch.",
    ),
    CheckEntry(
        "join_leakage",
        "features",
        "ml_assets.stages.check.join_leakage:check",
        ("main", "joins", "previous", "features"),
        "No feature is made from joined rows later than the prediction.",
    ),
    CheckEntry(
        "join_age",
        "features",
        "ml_assets.stages.check.join_age:check",
        ("main", "joins", "previous"),
        "Each row has joined rows that are new enough when it is predicted.",
    ),
    CheckEntry(
        "prediction_rows",
        "predictions",
        "ml_assets.stages.check.prediction_rows:check",
        ("predictions", "cleaned"),
        "Each cleaned row has one finite prediction, in the same order.",
    ),
    CheckEntry(
        "unseen_categories",
        "predictions",
        "ml_assets.stages.check.unseen_categories:check",
        ("predictions",),
        "Few rows have a category that the scorer never saw in training.",
    ),
    CheckEntry(
        "missing_joins",
        "predictions",
        "ml_assets.stages.check.missing_joins:check",
        ("inputs",),
        "In most rows, each joined dataset gives at least one feature.",
    ),
    CheckEntry(
        "fold_disjointness",
        "test_split",
        "ml_assets.stages.check.fold_disjointness:check",
        ("train", "validation", "test", "features"),
        "No row key is in two folds.",
    ),
    CheckEntry(
        "single_feature_leakage",
        "test_split",
        "ml_assets.stages.check.single_feature_leakage:check",
        ("features",),
        "Over all batches, no single feature nearly determines the target.",
    ),
    CheckEntry(
        "fold_accounting",
        "test_split",
        "ml_assets.stages.check.fold_accounting:check",
        ("train", "validation", "test", "features", "summary"),
        "Every row is in exactly one fold, or counted with the reason for its exclusion.",
    ),
    CheckEntry(
        "fold_order",
        "test_split",
        "ml_assets.stages.check.fold_order:check",
        ("train", "validation", "test", "features"),
        "No train or validation batch has rows from the test period.",
    ),
    CheckEntry(
        "beats_baseline",
        "evaluation_report",
        "ml_assets.stages.check.beats_baseline:check",
        ("metrics",),
        "On test, the candidate beats the best trivial baseline.",
    ),
    CheckEntry(
        "input_drift",
        "monitoring_report",
        "ml_assets.stages.check.input_drift:check",
        ("figures",),
        "No input differs from the model's training rows by more than chance.",
    ),
    CheckEntry(
        "joint_drift",
        "monitoring_report",
        "ml_assets.stages.check.joint_drift:check",
        ("figures",),
        "No classifier tells the batch from the model's training rows.",
    ),
    CheckEntry(
        "prediction_drift",
        "monitoring_report",
        "ml_assets.stages.check.prediction_drift:check",
        ("figures",),
        "The predictions are distributed as those on test.",
    ),
    CheckEntry(
        "realized_metric",
        "monitoring_report",
        "ml_assets.stages.check.realized_metric:check",
        ("figures",),
        "The metric is not worse than on test by more than both intervals.",
    ),
    CheckEntry(
        "gate",
        "champion",
        "ml_assets.stages.check.gate:check",
        ("decision",),
        "The candidate passed the gate; if it is refused, the champion simply stays.",
    ),
)
ALSO = {"challenger_predictions": "predictions"}
"""Assets with the checks of another."""
OWN = "ml_assets.stages.check.custom:check"
"""The stage that calls a user's own check."""


def checks_of(asset: str, spec: DatasetSpec | ModelSpec | None = None) -> list[CheckEntry]:
    """Return the checks shown on assets of this name; with a spec, those that it asks for."""
    joins = spec.joins if isinstance(spec, ModelSpec) else ()
    left_out = set()
    if spec is not None:
        left_out |= set() if any(join.at for join in joins) else {"join_leakage"}
        left_out |= set() if any(join.max_age for join in joins) else {"join_age"}
        left_out |= set() if joins else {"missing_joins"}
    shown = ALSO.get(asset, asset)
    return [entry for entry in CHECKS if entry.asset == shown and entry.name not in left_out]
