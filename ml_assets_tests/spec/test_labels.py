"""Which columns of a dataset arrive with the labels, and what then cannot be."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.labels import label_mismatches, labels_of
from ml_assets.spec.model import ModelSpec

COLUMNS: dict[str, Any] = {
    "id": {"type": "integer"},
    "plan": {"type": "number", "known_at": "morning"},
    "start": {"type": "number", "known_at": "noon"},
    "end": {"type": "number", "known_at": "evening"},
    "note": {"type": "text"},
}


def dataset(**parts: Any) -> DatasetSpec:
    base: dict[str, Any] = {
        "description": "trips",
        "landing": {"pattern": ".*"},
        "labels": "later",
        "moments": ["morning", "noon", "evening"],
        "columns": COLUMNS,
        "rules": [
            {"id": "order", "expression": "end >= start", "reason": "ends later"},
            {"id": "known", "expression": "plan > 0", "reason": "is planned"},
        ],
        "filters": [{"id": "lost", "expression": "note == 'lost'", "reason": "lost"}],
    }
    return DatasetSpec.model_validate({**base, **parts})


def model(**parts: Any) -> ModelSpec:
    base: dict[str, Any] = {
        "description": "when it ends",
        "dataset": "trips",
        "task": "regression",
        "target": "end",
        "predict_at": "noon",
        "features": {"columns": ["plan", "start"]},
        "split": {"kind": "hash"},
        "training": {"metric": "mae", "families": {"median": {"family": "median"}}},
    }
    return ModelSpec.model_validate({**base, **parts})


def test_they_are_known_after_the_prediction() -> None:
    found = labels_of("trips", dataset(), {"late": model()})
    assert found is not None
    # A column without a moment is known at the last.
    assert found.columns == ("id", "end", "note")
    assert (found.rules, found.filters, found.targets) == (("order",), ("lost",), (("end",),))


def test_of_two_models_the_earlier_one_decides() -> None:
    early = model(predict_at="morning", features={"columns": ["plan"]}, target="end - start")
    found = labels_of("trips", dataset(), {"late": model(), "early": early})
    assert found is not None
    assert found.columns == ("id", "start", "end", "note")
    assert found.targets == (("end",), ("start", "end"))


def test_without_moments_they_are_what_only_targets_read() -> None:
    plain = {name: {"type": column["type"]} for name, column in COLUMNS.items()}
    spec = dataset(moments=[], columns=plain)
    mine = model(predict_at=None, target="end - start")
    found = labels_of("trips", spec, {"one": mine})
    assert found is not None
    assert found.columns == ("end",)
    assert found.rules == ("order",)


def test_without_a_model_or_the_word_nothing_does() -> None:
    assert labels_of("trips", dataset(), {}) is None
    assert labels_of("trips", dataset(), {"other": model(dataset="others")}) is None
    assert labels_of("trips", dataset(labels=None), {"late": model()}) is None


@pytest.mark.parametrize(
    ("parts", "place", "said"),
    [
        ({"key": ["id"]}, ("key", 0), "'id' arrives with the labels"),
        (
            {"time": "at", "columns": {**COLUMNS, "at": {"type": "timestamp"}}},
            ("time",),
            "'at' arrives with the labels",
        ),
        (
            {"cleaning": [{"op": "fill", "columns": ["plan", "end"], "value": 0.0}]},
            ("cleaning", 0, "columns"),
            "fill would make up labels that have not arrived: end",
        ),
    ],
)
def test_what_every_row_needs_cannot_come_later(
    parts: dict[str, Any], place: tuple[Any, ...], said: str
) -> None:
    ((where, text),) = label_mismatches("trips", dataset(**parts), {"late": model()})
    assert where == place
    assert re.search(re.escape(said), text)


def test_a_word_without_effect_is_a_mistake() -> None:
    known = {name: {**column, "known_at": "morning"} for name, column in COLUMNS.items()}
    ((place, said),) = label_mismatches("trips", dataset(columns=known), {"late": model()})
    assert place == ("labels",)
    assert "no column is known only with the labels" in said
