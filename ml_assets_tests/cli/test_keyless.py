"""A table without a key, date or function of features: through all commands, to its bundle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.projects import PACKAGE, drop_modules, write_project

DATASET = """\
type: ml_assets.TabularDataset

attributes:
  description: Leaves of two species.
  key: row
  landing:
    pattern: 'leaves\\.csv'
  columns:
    length: {type: number}
    width: {type: number}
    soil: {type: category}
    species: {type: category}
"""
MODEL = """\
type: ml_assets.TabularModel

attributes:
  description: Whether a leaf is of a birch.
  dataset: leaves
  task: binary
  target: species == 'birch'
  features:
    columns: [length, width, soil]
  split: {kind: hash, test: 0.2, validation: 0.1, stratify: true}
  training:
    metric: log_loss
    selection: cross_validation
    folds: 3
    families:
      prior: {family: prior}
      linear: {family: linear}
  evaluation: {intervals: {resamples: 100}}
  gate: {min_rows: 100, few_rows: cross_validation, parity: {rows: 6}}
"""
PROJECT = {
    "pyproject.toml": (
        '[tool.dg]\ndirectory_type = "project"\n\n[tool.dg.project]\n'
        'root_module = "toy"\nregistry_modules = ["ml_assets"]\n'
    ),
    "toy/__init__.py": "",
    "toy/definitions.py": (
        '"""Entry point."""\n\nimport dagster as dg\n\n'
        "from ml_assets.graph.build import definitions_here\n\n"
        "defs: dg.Definitions = definitions_here()\n"
    ),
    "toy/defs/__init__.py": "",
    "toy/defs/leaves/defs.yaml": DATASET,
    "toy/defs/birch/defs.yaml": MODEL,
}


def leaves(rows: int) -> str:
    """Return leaves of which each fifth equals one before; a wide one is mostly a birch's."""
    lines = ["length,width,soil,species"]
    for row in range(rows):
        number = row - 4 if row % 5 == 4 else row
        width = number * 7 % 11
        birch = width + number % 3 > 6
        soil = ("sand", "clay", "")[number % 3]
        lines.append(f"{number * 3 % 17},{width},{soil},{'birch' if birch else 'oak'}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    root = (tmp_path / "project").resolve()
    write_project(root, PROJECT)
    yield Shell(root)
    drop_modules(PACKAGE, root)


def land(shell: Shell, rows: int) -> None:
    path = shell.root.parent / "leaves.csv"
    path.write_text(leaves(rows))
    shell("land", "leaves", path)


def decided(shell: Shell) -> dict[str, object]:
    """Run everything, and return the decision."""
    ran = shell.json("run")
    assert (ran["success"], ran["faults"], ran["waiting"]) == (True, [], [])
    plan = shell.json("plan")
    assert (plan["run"], plan["maybe"], plan["waiting"], plan["publish"]) == ([], [], [], [])
    with shell.store() as home:
        held = home.records.current("dev", "birch/champion")
        assert held is not None
        found: dict[str, object] = home.objects.json(held.outputs["decision"].digest)
    return found


@pytest.mark.slow
def test_a_table_without_a_key_goes_through_all_commands(shell: Shell, tmp_path: Path) -> None:
    land(shell, 150)
    first = decided(shell)
    assert (first["comparison"], first["verdict"]) == ("first", "promote")
    land(shell, 180)
    second = decided(shell)
    # Of about 36 test rows fewer than 100 are left, so both are learned again on all 180.
    assert second["comparison"] == "crossed"
    crossed = second["crossed"]
    assert isinstance(crossed, dict)
    assert crossed["rows"] == 180
    why = shell("why", "birch/champion").out
    assert "nothing changed" in why
    assert "IDENTICAL" in shell("recreate", "birch", "v0").out
    bundle = shell.json("release", "birch", "--out", tmp_path / "releases")["directory"]
    assert shell.json("verify", bundle, "--this-environment")["verified"] is True
