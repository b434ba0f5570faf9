"""Dagster's settings in a home: written anew whatever became of them."""

from __future__ import annotations

from pathlib import Path

import yaml

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
