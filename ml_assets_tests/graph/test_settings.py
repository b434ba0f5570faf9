"""Dagster's settings in a home: written anew whatever became of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ml_assets.errors import HomeError
from ml_assets.graph.settings import dagster_home, settings
from ml_assets.workspace import Workspace


def test_damaged_settings_are_written_anew(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "toy.defs", tmp_path / "home", "dev")
    path = dagster_home(workspace) / "dagster.yaml"
    whole = path.read_bytes()
    assert yaml.safe_load(whole) == settings(str(path.parent))
    path.write_bytes(b"\xff\xfe" + whole[:40])
    dagster_home(workspace)
    assert path.read_bytes() == whole


def test_settings_that_a_person_keeps_are_used_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path, "toy.defs", tmp_path / "home", "dev")
    own = tmp_path / "own"
    monkeypatch.setenv("ML_ASSETS_DAGSTER", str(own))
    with pytest.raises(HomeError, match=r"ML_ASSETS_DAGSTER is '.*own', which holds no dagster"):
        dagster_home(workspace)
    own.mkdir()
    (own / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert dagster_home(workspace) == own
    assert (own / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    assert not (tmp_path / "home").exists()
