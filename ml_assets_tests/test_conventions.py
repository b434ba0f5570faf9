"""What a change must not forget: a test, a line in the docs, a docstring."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import commands
from ml_assets import errors
from ml_assets.engine.checks import CHECKS
from ml_assets.keys.families import FAMILIES
from ml_assets.spec.families import BASELINES
from ml_assets.stages.evaluate.registry import SECTIONS
from ml_assets_tests.processes import ROOT

PACKAGE = ROOT / "ml_assets"
ELSEWHERE = {"autogluon_side"}
"""Benchmarks that run in an environment of their own."""
BENCHMARKS = sorted({path.stem for path in (ROOT / "benchmarks").glob("*.py")} - ELSEWHERE)
MODULES = sorted(PACKAGE.rglob("*.py"))
STAGE_TESTS = sorted((ROOT / "ml_assets_tests" / "stages").rglob("test_*.py"))
WITH_CODE = {"__init__.py", "stages/ingest/__init__.py"}
"""Packages whose own module holds code."""
ERRORS = {name for name, found in vars(errors).items() if isinstance(found, type)}
COMMANDS = commands.every()


def _named(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _rows(page: str) -> dict[str, list[str]]:
    """Return the first cell of each row of a page's tables, in code marks, -> its cells."""
    lines = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and re.fullmatch(r"`[a-z_ ]+`", cells[0]):
            found[cells[0].strip("`")] = cells
    return found


def _module(reference: str) -> Path:
    """Return the source of `ml_assets.x.y` or `ml_assets.x.y:function`."""
    return ROOT / (reference.split(":")[0].replace(".", "/") + ".py")


@pytest.mark.parametrize("entry", CHECKS, ids=lambda entry: entry.name)
def test_a_check_has_a_file_a_test_and_a_row_in_the_docs(entry: object) -> None:
    name, stage = entry.name, entry.stage
    assert stage == f"ml_assets.stages.check.{name}:check"
    assert _module(stage).is_file()
    assert any(
        f"check.{name}" in text or f"check import {name}" in text
        for text in (
            path.read_text() for path in STAGE_TESTS if path.name.startswith(f"test_{name}")
        )
    ), f"no ml_assets_tests/stages/**/test_{name}*.py for {stage}"
    cells = _rows("checks.md")[name]
    assert cells[1] == f"`{entry.asset}`"
    assert all(cells), f"docs/reference/checks.md: {name} has an empty cell"
    assert "`error`" in cells[4] or "`warn`" in cells[4]


def test_a_check_file_is_registered() -> None:
    files = {path.stem for path in (PACKAGE / "stages" / "check").glob("*.py")}
    assert files - {"__init__", "custom"} == {entry.name for entry in CHECKS}
    assert set(_rows("checks.md")) == {entry.name for entry in CHECKS}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_has_a_file_a_test_and_a_row_in_the_docs(name: str) -> None:
    path = _module(FAMILIES[name])
    functions = {n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)}
    imported = path.read_text()
    # A blend is made of fitted members, not fitted itself.
    for wanted in ("refit", "predict", *(("fit",) if name != "blend" else ())):
        assert wanted in functions or re.search(rf"^{wanted} = ", imported, re.M), (name, wanted)
    quoted = re.compile(rf"\b{name}\b")
    assert any(quoted.search(test.read_text()) for test in STAGE_TESTS), f"{name} is in no test"
    row = _rows("families.md")[name]
    assert row[1]
    assert row[2]
    assert row[2].startswith("baseline") == (name in BASELINES)


def test_the_docs_name_no_other_family() -> None:
    assert set(_rows("families.md")) == {*FAMILIES, "custom"}


def test_a_section_of_the_report_has_a_file_a_test_and_a_row_in_the_docs() -> None:
    files = {path.stem for path in (PACKAGE / "stages/evaluate/sections").glob("*.py")}
    shown = {entry.show.__module__.rpartition(".")[2] for entry in SECTIONS.values()}
    assert files - {"__init__"} == shown
    rows = _rows("evaluation.md")
    assert set(SECTIONS) == set(rows) - {"evaluate", "explain", "coverage", "report"}
    assert all(all(rows[name]) for name in SECTIONS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_an_example_and_a_row_in_the_docs(name: str) -> None:
    doc = COMMANDS[name].help or ""
    assert re.search(rf"Example: ml-assets {name}\b", doc), f"{name}: no Example in its docstring"
    row = _rows("cli.md")[name]
    assert row[1]
    assert row[2].startswith(f"`ml-assets {name}")


def test_the_docs_name_no_other_command() -> None:
    assert set(_rows("cli.md")) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_but_a_server_takes_json(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert ("--json" in options) == (name not in ("up", "serve"))


@pytest.mark.parametrize("path", MODULES, ids=_named)
def test_a_module(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{path} has no docstring"
    assert len(text.splitlines()) <= 500, f"{path} is longer than 500 lines"
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [f for f in calls if isinstance(f, ast.Name) and f.id == "print"], f"{path} prints"
    # The docstring of a command is its help.
    for function in [] if "cli" in path.parts else _functions(tree):
        doc, raised = ast.get_docstring(function) or "", _raised(function) & ERRORS
        unsaid = {name for name in raised if not re.search(rf"\b{name}\b", doc)}
        assert not unsaid, f"{path}: {function.name} raises {unsaid} and does not say so"
    if path.name == "__init__.py" and _named(path) not in WITH_CODE:
        assert len(tree.body) == 1, f"{path} holds more than a docstring"


def _functions(node: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """Yield public functions and methods."""
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            yield from _functions(child) if isinstance(child, ast.ClassDef) else [child]


def _raised(function: ast.FunctionDef) -> set[str]:
    """Return the names of what a function raises: `X` of `raise X(…)` and `raise X.of(…)`."""
    raised = [node.exc for node in ast.walk(function) if isinstance(node, ast.Raise) and node.exc]
    return {re.split(r"[.(]", ast.unparse(error))[0] for error in raised}


def test_code_between_the_parts_is_imported_late() -> None:
    """Registries and the command line import no stage, or every command would pay for all."""
    for name in ("engine/checks.py", "keys/families.py", "cli/main.py"):
        imported = _imports(PACKAGE / name)
        assert not [module for module in imported if module.startswith("ml_assets.stages")], name


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


INDEX = re.compile(r"--(?:extra-)?index(?:-url)?\b|--find-links|https?://[^\s'\"]*pypi|/simple/?\b")


def test_no_file_names_a_package_registry() -> None:
    kept = ("*.py", "*.txt", "*.in", "*.toml", "*.yaml", "*.cfg", "requirements/*", ".ci/**/*")
    files = {path for pattern in kept for path in ROOT.glob(pattern) if path.is_file()}
    files |= set(MODULES)
    for path in sorted(files):
        found = INDEX.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path}: {found and found.group()}"


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_finds_what_it_measures(name: str) -> None:
    assert importlib.import_module(f"benchmarks.{name}").__doc__
