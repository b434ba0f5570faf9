"""The tutorials: their files are written, their commands run, their output compared."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.keys import load
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.processes import ROOT

FILE = re.compile(r"```\w+ title=\"([^\"]+)\"\n(.*?)```", re.S)
CONSOLE = re.compile(r"```console\n(.*?)```", re.S)
PAGES = {"tutorial": "clinic", "tutorial-by-hand": "shop"}
"""Each page and the package of its project."""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Shell]:
    yield Shell(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] in PAGES.values()]:
        del sys.modules[name]
        load._imported.pop(name, None)
    sys.path[:] = [folder for folder in sys.path if not Path(folder).is_relative_to(tmp_path)]


def read(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


def write(text: str, folder: Path) -> None:
    """Write the files that a page shows."""
    for name, content in FILE.findall(text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    importlib.invalidate_caches()


def steps(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a page and the lines that it is said to print."""
    for block in CONSOLE.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *lines = part.rstrip("\n").split("\n")
            yield command, lines


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_tutorial(project: Shell, page: str) -> None:
    text = read(page)
    write(text, project.root)
    done = 0
    for command, lines in steps(text):
        words = shlex.split(command)
        said = ""
        if words[0] == "ml-assets":
            said = project(*words[1:]).out
        elif words[0] == "cd":
            project = Shell(project.root / words[1])
        else:
            words[0] = sys.executable if words[0] == "python" else words[0]
            said = subprocess.run(
                words, cwd=project.root, check=True, capture_output=True, text=True
            ).stdout
        for line in lines:
            parts = [re.escape(part.strip()) for part in line.split("…")]
            assert re.search(r".*".join(parts), said), f"{command}: no {line!r} in\n{said}"
        done += 1
    assert done > 10


def test_the_spec_that_the_tutorial_shows_is_the_one_that_is_written(project: Shell) -> None:
    text = read("tutorial")
    write(text, project.root)
    subprocess.run([sys.executable, "make_data.py"], cwd=project.root, check=True)
    project("init", "clinic")
    clinic = Shell(project.root / "clinic")
    clinic("new", "dataset", "patients", "../patients.csv")
    written = (clinic.root / "clinic" / "defs" / "patients" / "defs.yaml").read_text()
    shown = re.findall(r"```yaml\n(.*?)```", text, re.S)
    assert len(shown) == 1
    assert shown[0] in written
