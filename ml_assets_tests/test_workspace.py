"""Finding the project, its home and its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.errors import HomeError
from ml_assets.workspace import PACKAGE, child_environment, locate
from ml_assets_tests.projects import write_project


def test_the_nearest_project_upwards(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write_project(root)
    (root / "toy" / "pyproject.toml").write_text("[tool.other]\n")
    for start in (root, root / "toy" / "defs" / "sales"):
        found = locate(start, {})
        assert found.defs == root / "toy" / "defs"
        assert (found.module, found.home, found.env) == ("toy.defs", root / "data", "dev")
    assert found.roots == {"ml_assets": PACKAGE, "toy": root / "toy"}


def test_home_and_environment_by_variables(tmp_path: Path) -> None:
    write_project(tmp_path)
    inner = tmp_path / "toy"
    found = locate(inner, {"ML_ASSETS_HOME": "elsewhere", "ML_ASSETS_ENV": "prod"})
    assert (found.home, found.env) == (inner / "elsewhere", "prod")
    assert locate(inner, {"ML_ASSETS_HOME": "/abs"}).home == Path("/abs")
    empty = locate(inner, {"ML_ASSETS_HOME": "", "ML_ASSETS_ENV": ""})
    assert (empty.home, empty.env) == (tmp_path / "data", "dev")


def test_the_current_folder_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ML_ASSETS_HOME", raising=False)
    monkeypatch.setenv("ML_ASSETS_ENV", "prod")
    assert locate() == locate(tmp_path, {"ML_ASSETS_ENV": "prod"})


def test_a_child_process_works_on_the_same_home_and_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path)
    found = locate(tmp_path, {"ML_ASSETS_HOME": "elsewhere", "ML_ASSETS_ENV": "prod"})
    monkeypatch.setenv("PYTHONPATH", "/first")
    assert locate(tmp_path, child_environment(found)) == found
    assert child_environment(found)["PYTHONPATH"] == f"{PACKAGE.parent}:/first"
    monkeypatch.delenv("PYTHONPATH")
    assert child_environment(found)["PYTHONPATH"] == str(PACKAGE.parent)


def test_without_a_project_the_shipped_definitions(tmp_path: Path) -> None:
    found = locate(tmp_path, {})
    assert (found.defs, found.module) == (PACKAGE / "defs", "ml_assets.defs")
    assert found.home == tmp_path / "data"
    assert found.roots == {"ml_assets": PACKAGE}


@pytest.mark.parametrize("layout", ["toy", "src/toy"])
def test_layouts_and_a_defs_module_of_another_name(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / layout / "parts" / "all"
    folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dg.project]\nroot_module = "toy"\ndefs_module = "toy.parts.all"\n'
    )
    found = locate(tmp_path, {})
    assert (found.defs, found.module) == (folder, "toy.parts.all")
    assert found.roots["toy"] == tmp_path / layout


def test_hooks_are_modules_below_the_definitions(tmp_path: Path) -> None:
    write_project(tmp_path)
    found = locate(tmp_path, {})
    assert found.hook("forecast", "features.py:build") == "toy.defs.forecast.features:build"
    assert found.hook("forecast", "own/x.py:f") == "toy.defs.forecast.own.x:f"


@pytest.mark.parametrize(
    "text",
    ["[tool.dg]\ndirectory_type = 'workspace'\n", "[tool]\ndg = 1\n", "", "[tool.dg.project]\n"],
)
def test_a_pyproject_that_declares_no_project(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert locate(tmp_path, {}).module == "ml_assets.defs"


def test_a_pyproject_that_does_not_parse_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool\n")
    with pytest.raises(HomeError, match=r"pyproject\.toml: .*line 1"):
        locate(tmp_path, {})


def test_a_project_without_its_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "gone"\n')
    with pytest.raises(HomeError, match=r"no folder .*gone/defs for the definitions of gone\.defs"):
        locate(tmp_path, {})


def test_another_copy_of_ml_assets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "ml_assets"\n')
    (tmp_path / "ml_assets" / "defs").mkdir(parents=True)
    with pytest.raises(HomeError, match=rf"{tmp_path} is a copy of ml_assets, .* {PACKAGE.parent}"):
        locate(tmp_path, {})
