"""A new project: its files, where they may be written, names that work on every system."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ml_assets.cli.main import app
from ml_assets.errors import RequestError
from ml_assets.scaffold.names import WINDOWS, group_name, package_of
from ml_assets.scaffold.project import write_project
from ml_assets.spec.base import NAME
from ml_assets.spec.project import read_project
from ml_assets.workspace import locate


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_project_is_found_and_is_empty(tmp_path: Path) -> None:
    assert write_project(tmp_path / "shop-2") == "shop_2"
    assert files(tmp_path / "shop-2") == [
        ".gitignore",
        "Makefile",
        "README.md",
        "data/landing/.gitkeep",
        "pyproject.toml",
        "shop_2/__init__.py",
        "shop_2/definitions.py",
        "shop_2/defs/__init__.py",
    ]
    workspace = locate(tmp_path / "shop-2" / "shop_2", environ={})
    assert workspace.module == "shop_2.defs"
    assert workspace.home == tmp_path / "shop-2" / "data"
    assert read_project(workspace.defs).datasets == {}
    told = tomllib.loads((tmp_path / "shop-2" / "pyproject.toml").read_text())
    assert told["project"]["name"] == "shop-2"
    assert (tmp_path / "shop-2" / "data").stat().st_mode & 0o777 == 0o700
    for name in ("README.md", ".gitignore", "pyproject.toml"):
        assert "{package}" not in (tmp_path / "shop-2" / name).read_text()


def test_an_empty_folder_and_one_with_a_git_repository_will_do(tmp_path: Path) -> None:
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    assert write_project(tmp_path / "shop") == "shop"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a b", "contains ' '"),
        ("a.b", "contains '.'"),
        ("größe", "contains 'ß', 'ö'"),
        ("1st", "does not begin with a letter"),
        ("class", "a Python keyword"),
        ("NUL", "Windows reserves 'nul'"),
        ("json", "a module of Python"),
        ("ml-assets", "'ml_assets' is an installed package"),
        ("x" * 65, "65 characters"),
        ("../../x", "wanted a folder in the current one"),
    ],
)
def test_names_that_would_not_work_are_refused(tmp_path: Path, name: str, said: str) -> None:
    inside = tmp_path / "in" / "side"
    inside.mkdir(parents=True)
    with pytest.raises(RequestError, match=said.replace(".", r"\.")):
        write_project(inside / name)
    assert files(tmp_path) == []


@given(st.text(max_size=70))
def test_whatever_the_name_is_its_package_can_be_imported_or_it_is_refused(name: str) -> None:
    try:
        package = package_of(Path("/somewhere") / Path(name).name)
    except RequestError:
        return
    assert NAME.fullmatch(package)
    assert package not in WINDOWS


def test_what_lies_in_a_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "notes.txt").write_text("mine")
    with pytest.raises(RequestError, match=r"shop is not empty \(notes\.txt\); wanted a new"):
        write_project(tmp_path / "shop")
    assert files(tmp_path / "shop") == ["notes.txt"]
    (tmp_path / "table").write_text("a,b\n")
    with pytest.raises(RequestError, match="is a file; wanted"):
        write_project(tmp_path / "table")


def test_the_command_says_what_comes_next_and_never_writes_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = CliRunner().invoke(app, ["init", "shop"])
    assert first.exit_code == 0
    assert first.stdout.endswith("next: cd shop && ml-assets new dataset NAME FILE\n")
    (tmp_path / "shop" / "README.md").write_text("edited")
    again = CliRunner().invoke(app, ["init", "shop"])
    assert again.exit_code == 2
    assert "holds a project already" in again.stderr
    assert (tmp_path / "shop" / "README.md").read_text() == "edited"


def test_datasets_and_models_have_names_of_their_own() -> None:
    assert group_name("dataset", "churn_2024") == "churn_2024"
    with pytest.raises(RequestError, match="'churn' is already a model"):
        group_name("dataset", "churn", taken={"churn"})
    with pytest.raises(RequestError, match=r"contains '\.', '/'"):
        group_name("model", "../../x")
    with pytest.raises(RequestError, match="capital letters"):
        group_name("model", "Churn")
