"""The shipped asset graph is the golden one: an edge or asset never changes unseen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml_assets.assets.registry import BY_NAME
from ml_assets_tests.graph.golden import GOLDEN, described, shipped

HOW = "if this is meant: python -m ml_assets_tests.graph.golden"


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return described(shipped(tmp_path_factory.mktemp("golden")))


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return document


def test_asset_keys(now: dict[str, Any], golden: dict[str, Any]) -> None:
    assert list(now["assets"]) == list(golden["assets"]), HOW


def test_edges(now: dict[str, Any], golden: dict[str, Any]) -> None:
    def edges(graph: dict[str, Any]) -> dict[str, list[str]]:
        return {key: asset["deps"] for key, asset in graph["assets"].items()}

    assert edges(now) == edges(golden), HOW


def test_all(now: dict[str, Any], golden: dict[str, Any]) -> None:
    assert now == golden, HOW


def test_asset_names_are_the_grammar(now: dict[str, Any]) -> None:
    always = {name for name, asset in BY_NAME.items() if not asset.declared_by}
    assert always <= {key.split("/")[1] for key in now["assets"]} <= set(BY_NAME)


def test_every_asset_explains_itself(now: dict[str, Any]) -> None:
    for key, asset in now["assets"].items():
        assert asset["described"], key
        assert asset["kinds"], key
        assert asset["owners"], key
        assert asset["group"] == key.split("/")[0]


def test_datasets_are_shared_by_models(now: dict[str, Any]) -> None:
    cleaned = [key for key in now["assets"] if key.endswith("/cleaned")]
    asked = "flight_delay_requests/cleaned"
    assert cleaned == [asked, "flights/cleaned", "planes/cleaned", "weather/cleaned"]
    for model in ("flight_delay", "late_arrival"):
        assert set(now["assets"][f"{model}/features"]["deps"]) <= set(cleaned)
