"""Importing so that what runs is what was hashed; each in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.errors import CodeChanged, HookError
from ml_assets.keys import load
from ml_assets.keys.code import Sources
from ml_assets_tests import processes
from ml_assets_tests.projects import Toy, write_project

PREPARE = """
import os, sys
from pathlib import Path
from ml_assets.keys import load
from ml_assets.keys.code import Sources
from ml_assets.workspace import locate

workspace = locate(Path(sys.argv[1]), {})
sources = Sources(workspace.roots)
helpers = Path(sys.argv[1]) / "toy" / "defs" / "forecast" / "helpers.py"

def write(text):
    # As quick edits do: the same second, the same length.
    helpers.write_text(text)
    os.utime(helpers, (1_600_000_000, 1_600_000_000))

def get(reference="toy.defs.forecast.helpers:value"):
    return load.function(reference, sources.closure([reference.split(":")[0]]), workspace)
"""


def _run(folder: Path, script: str) -> list[str]:
    write_project(folder)
    return processes.run(PREPARE + script, folder, cwd=folder).split("\n")[:-1]


def test_functions_and_modules(toy: Toy) -> None:
    workspace = toy.workspace()
    closure = Sources(workspace.roots).closure(["toy.defs.forecast.features"])
    build = load.function("toy.defs.forecast.features:build", closure, workspace)
    assert build.__module__ == "toy.defs.forecast.features"
    module = load.function("toy.defs.forecast.features", closure, workspace)
    assert module.build is build


def test_a_module_edited_after_its_import_is_refused(tmp_path: Path) -> None:
    script = """
write("def value(): return 1\\n")
print(get()())
write("def value(): return 2\\n")
try:
    get()
except load.CodeChanged as error:
    print(error)
write("def value(): return 1  # as before\\n")
print(get()())
"""
    name = "toy.defs.forecast.helpers"
    assert _run(tmp_path, script) == [
        "1",
        f"{name} changed after this process imported it; restart",
        "1",
    ]


def test_a_module_that_others_imported_before_an_edit_is_refused(tmp_path: Path) -> None:
    script = """
import time
sys.path.append(sys.argv[1])
time.sleep(1.1)
write("def value(): return 1\\n")
import toy.defs.forecast.helpers
try:
    get()
except load.CodeChanged as error:
    print(error)
"""
    (said,) = _run(tmp_path, script)
    assert said == "toy.defs.forecast.helpers changed since this process started; restart"


def test_bytecode_of_an_edit_in_the_same_second_is_not_used(tmp_path: Path) -> None:
    script = """
write("def value(): return 1\\n")
import py_compile
py_compile.compile(str(helpers), doraise=True)
write("def value(): return 2\\n")
print(get()())
"""
    assert _run(tmp_path, script) == ["2"]
    stale = """
sys.path.append(sys.argv[1])
write("def value(): return 1\\n")
import py_compile
py_compile.compile(str(helpers), doraise=True)
write("def value(): return 2\\n")
import toy.defs.forecast.helpers
print(toy.defs.forecast.helpers.value())
"""
    assert _run(tmp_path, stale) == ["1"], "Python itself takes the stale bytecode"


def test_bytecode_of_an_old_source_is_kept(tmp_path: Path) -> None:
    script = """
import importlib.util, py_compile, time
write("def value(): return 1\\n")
compiled = Path(py_compile.compile(str(helpers), doraise=True))
later = time.time() + 60
os.utime(compiled, (later, later))
print(get()(), compiled.stat().st_mtime == later)
"""
    assert _run(tmp_path, script) == ["1 True"]


def test_a_package_of_the_same_name_from_elsewhere_is_refused(toy: Toy, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_project(other)
    script = PREPARE.replace("workspace = ", "sys.path.insert(0, sys.argv[2])\nworkspace = ") + (
        "get('toy.defs.forecast.features:build')"
    )
    process = processes.start(script, toy.root, other, cwd=toy.root)
    _, said = process.communicate(timeout=processes.TIMEOUT)
    assert process.returncode == 1
    file = "toy/defs/forecast/features.py"
    wanted = (
        f"{toy.root / file}: another toy.defs.forecast.features is imported, from {other / file}"
    )
    assert f"HookError: {wanted}" in said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nothing_of_this_name\n", "ModuleNotFoundError: No module named 'nothing_of_this_"),
        ("x = 1 / 0\n", "ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_imported_names_the_file(toy: Toy, code: str, said: str) -> None:
    path = toy.root / "toy" / "defs" / "forecast" / "features.py"
    path.write_text(code)
    workspace = toy.workspace()
    closure = Sources(workspace.roots).closure(["toy.defs.forecast.features"])
    with pytest.raises(HookError, match=f"features.py: cannot be imported: {said}"):
        load.function("toy.defs.forecast.features:build", closure, workspace)


@pytest.mark.parametrize("name", ["biuld", "pd"])
def test_a_name_that_is_no_function(toy: Toy, name: str) -> None:
    workspace = toy.workspace()
    closure = Sources(workspace.roots).closure(["toy.defs.forecast.features"])
    with pytest.raises(HookError, match=rf"features\.py: there is no function {name}"):
        load.function(f"toy.defs.forecast.features:{name}", closure, workspace)


def test_sources_that_moved_are_named(toy: Toy) -> None:
    sources = Sources(toy.workspace().roots)
    closure = sources.closure(["toy.defs.forecast.features"])
    helpers = toy.root / "toy" / "defs" / "forecast" / "helpers.py"
    text = helpers.read_text()
    helpers.write_text(text + "# a comment\n")
    load.unchanged(closure, sources)
    helpers.write_text(text + "X = 1\n")
    with pytest.raises(CodeChanged, match=r"^toy\.defs\.forecast\.helpers changed while it ran"):
        load.unchanged(closure, sources)
    helpers.write_text(text + "import toy.more\n")
    (toy.root / "toy" / "more.py").write_text("")
    with pytest.raises(CodeChanged, match=r"^toy\.defs\.forecast\.helpers, toy\.more changed"):
        load.unchanged(closure, sources)
