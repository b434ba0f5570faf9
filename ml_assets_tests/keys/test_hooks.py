"""Functions that the YAML names and that are not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ml_assets.errors import HookError
from ml_assets.keys.code import Sources
from ml_assets.keys.hooks import absent, installed
from ml_assets_tests.projects import FEATURES, FORECAST, Toy

CHECKS = "toy/defs/forecast/checks.py"


def found(toy: Toy) -> list[str]:
    planner = toy.planner()
    return absent(planner.workspace, planner.project)


def test_a_misspelt_function_is_named_with_its_file_and_the_nearest(toy: Toy) -> None:
    assert found(toy) == []
    toy.edit(FORECAST, "  split:", "  checks: {promoted: checks.py:promotde}\n  split:")
    assert found(toy) == [], "the action that needs a file that is missing says so"
    (toy.root / CHECKS).write_text("import numpy\n\n\ndef promoted(frame):\n    return True\n")
    assert found(toy) == [
        f"{toy.root / CHECKS}: there is no function promotde; did you mean 'promoted'? "
        "available: numpy, promoted"
    ]
    (toy.root / CHECKS).write_text("from toy.defs.forecast.helpers import *\n")
    assert found(toy) == [], "what a star imports is not known"
    toy.edit(FEATURES, "def build(", "def built(")
    (said,) = found(toy)
    assert "there is no function build; did you mean 'built'?" in said


def test_modules_of_python_without_a_file_have_no_source(toy: Toy) -> None:
    assert (installed("os"), installed("sys")) == (None, None)
    toy.edit(FORECAST, "features.py:build", "os:system")
    assert found(toy) == []


def test_a_family_needs_three_functions(toy: Toy) -> None:
    toy.edit(
        FORECAST,
        "{family: linear}",
        "{family: linear}\n      own: {family: custom, module: own.py:mine}",
    )
    file = toy.root / "toy/defs/forecast/own.py"
    file.write_text("def fit():\n    pass\n\n\nrefit = fit\n")
    (said,) = found(toy)
    assert said.startswith(f"{file}: there is no function predict; ")
    assert said.endswith("available: fit, refit")


def test_a_package_that_can_be_edited_where_it_is_is_refused(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `pip install -e` leaves it: read from its source, whose version stays."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("def build(rows):\n    return rows\n")
    monkeypatch.syspath_prepend(tmp_path)
    sources = Sources(toy.planner().workspace.roots)
    said = f"shop: the package shop is read from {tmp_path}/shop/__init__.py, where an edit"
    with pytest.raises(HookError, match=re.escape(said)):
        sources.closure(["shop"])
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "mean.py").write_text("def fit():\n    pass\n")
    said = f"parts.mean: the package parts is read from {tmp_path}/parts, where an edit"
    with pytest.raises(HookError, match=re.escape(said)):
        sources.closure(["parts.mean"])
