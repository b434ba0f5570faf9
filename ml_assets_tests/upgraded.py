"""A later ml_assets: a copy of the package with edits, run on a home that today's made."""

from __future__ import annotations

import json
import os
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

    def python(self, *words: str) -> str:
        """Run Python in the project with the copy, and return what it printed."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "ML_ASSETS"))}
        done = subprocess.run(
            [sys.executable, "-P", *words],
            cwd=self.project,
            env={**kept, "PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        """Run a command with the copy, and return its JSON document."""
        return json.loads(self.python("-m", "ml_assets", *words, "--json"))

    def to_do(self) -> dict[str, str]:
        """Return cell -> reason of what a run would make, or may make."""
        found = self.json("plan")
        assert found["publish"] == []
        return {item["asset"]: item["reason"] for item in (*found["run"], *found["maybe"])}
