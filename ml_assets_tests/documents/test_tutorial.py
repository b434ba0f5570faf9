"""The tutorial: its files are written, its commands run, their output compared."""

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

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
FILE = re.compile(r"```\w+ title=\"([^\"]+)\"\n(.*?)```", re.S)
CONSOLE = re.compile(r"```console\n(.*?)```", re.S)
PACKAGE = "shop"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shell]:
    for name, text in FILE.findall(PAGE):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    importlib.invalidate_caches()
    yield Shell(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]
        load._imported.pop(name, None)
    sys.path[:] = [folder for folder in sys.path if folder != str(tmp_path)]


def steps() -> Iterator[tuple[str, list[str]]]:
    """Yield each command of the page and the lines that it is said to print."""
    for block in CONSOLE.findall(PAGE):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *lines = part.rstrip("\n").split("\n")
            yield command, lines


@pytest.mark.slow
def test_the_tutorial(shop: Shell) -> None:
    done = 0
    for command, lines in steps():
        words = shlex.split(command)
        if words[0] == "ml-assets":
            said = shop(*words[1:]).out
        else:
            words[0] = sys.executable if words[0] == "python" else words[0]
            said = subprocess.run(
                words, cwd=shop.root, check=True, capture_output=True, text=True
            ).stdout
        for line in lines:
            parts = [re.escape(part.rstrip()) for part in line.split("…")]
            assert re.search(r".*".join(parts), said), f"{command}: no {line!r} in\n{said}"
        done += 1
    assert done > 10
