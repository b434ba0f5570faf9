"""A new project with one dataset, for tests that write a model from it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from ml_assets.cli.main import app
from ml_assets.scaffold.project import write_project
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import read_project
from ml_assets_tests.cli.shell import Answer
from ml_assets_tests.processes import environment

DATASET = {
    "description": "made up",
    "key": ["id"],
    "landing": {"pattern": r"rows\.csv"},
}


@dataclass(frozen=True)
class Shop:
    """A project in a folder."""

    root: Path

    @property
    def defs(self) -> Path:
        return self.root / "shop" / "defs"

    def dataset(self, columns: Mapping[str, Any], **more: Any) -> None:
        """Write the spec of the dataset `rows`."""
        (self.defs / "rows").mkdir(exist_ok=True)
        attributes = {**DATASET, "columns": dict(columns), **more}
        document = {"type": "ml_assets.TabularDataset", "attributes": attributes}
        (self.defs / "rows" / "defs.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def rows(self, columns: Mapping[str, Sequence[object]], name: str = "rows.csv") -> Path:
        """Write a file of them."""
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        path = self.root / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def __call__(self, *words: object, code: int = 0) -> Answer:
        """Run a command in the project."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ML_ASSETS")}
        with chdir(self.root), environment(kept):
            result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        answer = Answer(result.exit_code, result.stdout, result.stderr)
        assert answer.code == code, answer
        return answer

    def model(self, name: str = "guess") -> ModelSpec:
        """Read a model back, with its project: nothing in it may be wrong."""
        return read_project(self.defs).models[name]

    def write(self, name: str, text: str) -> None:
        (self.defs / name / "defs.yaml").write_text(text, encoding="utf-8")

    def text(self, name: str = "guess") -> str:
        return (self.defs / name / "defs.yaml").read_text(encoding="utf-8")


def made(folder: Path) -> Shop:
    """Make the project."""
    write_project(folder / "shop")
    return Shop(folder / "shop")
