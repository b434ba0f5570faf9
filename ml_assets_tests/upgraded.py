"""A later ml_assets: a copy of the package with edits, run on a home that today's made."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_assets_tests import processes


@dataclass(frozen=True)
class Upgraded:
    """A copy of the package below `root`, and a project that it runs on."""

    root: Path
    project: Path

    @classmethod
    def of(cls, root: Path, project: Path) -> Upgraded:
        """Copy the package as it is."""
        processes.copy(processes.ROOT / "ml_assets", root / "ml_assets")
        return cls(root, project)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands once in a file of the package."""
        path = self.root / "ml_assets" / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    def move(self, **moves: str) -> None:
        """Move modules as a person does: importers edited, imports sorted, the moves noted.

        Names are below `ml_assets`: `stages__clean="stages.cleaned.clean"`.
        """
        pairs = [(f"ml_assets.{a.replace('__', '.')}", f"ml_assets.{b}") for a, b in moves.items()]
        for old, new in pairs:
            source, target = (self.root.joinpath(*n.split(".")) for n in (old, new))
            target.parent.mkdir(exist_ok=True)
            if not (target.parent / "__init__.py").exists():
                (target.parent / "__init__.py").write_text('"""What moved here."""\n')
            source.with_suffix(".py").rename(target.with_suffix(".py"))
        for path in (self.root / "ml_assets").rglob("*.py"):
            text = path.read_text()
            edited = text
            for old, new in pairs:
                edited = _renamed(edited, old, new)
            if edited != text:
                path.write_text(edited)
        noted = "".join(f"    {pair!r},\n" for pair in pairs)
        self.edit("moved.py", ')\n"""(old name', f'{noted})\n"""(old name')
        sort = ("check", "--isolated", "--quiet", "--select", "I", "--fix", "ml_assets")
        subprocess.run([sys.executable, "-m", "ruff", *sort], cwd=self.root, check=True)

    def python(self, *words: str, home: Path | None = None) -> str:
        """Run Python in the project with the copy (on its own home), and return what it printed."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "ML_ASSETS"))}
        at = {} if home is None else {"ML_ASSETS_HOME": str(home)}
        done = subprocess.run(
            [sys.executable, "-P", *words],
            cwd=self.project,
            env={**kept, "PYTHONPATH": str(self.root), **at},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        """Run a command with the copy, and return its JSON document."""
        return json.loads(self.python("-m", "ml_assets", *words, "--json"))

    def to_do(self) -> dict[str, str]:
        """Return cell -> reason of what a run would make, may make, or only show anew."""
        found = self.json("plan")
        made = {item["asset"]: item["reason"] for item in (*found["run"], *found["maybe"])}
        return {**dict.fromkeys(found["publish"], "shown anew"), **made}


def _renamed(text: str, old: str, new: str) -> str:
    """Return a source with another name of a module in its imports and texts."""
    package, _, name = old.rpartition(".")
    home, _, local = new.rpartition(".")

    def apart(found: re.Match[str]) -> str:
        names = found[2].split(", ")
        moved = [n for n in names if n.split(" as ")[0] == name]
        rest = [n for n in names if n not in moved]
        lines = [f"{found[1]}from {home} import {n.replace(name, local, 1)}" for n in moved]
        lines += [f"{found[1]}from {package} import {', '.join(rest)}"] if rest else []
        return "\n".join(lines)

    line = rf"^( *)from {re.escape(package)} import ((?:[\w ]+, )*{name}\b[\w, ]*)$"
    text = re.sub(line, apart, text, flags=re.MULTILINE)
    return re.sub(rf"\b{re.escape(old)}\b(?!\.py)", new, text)
