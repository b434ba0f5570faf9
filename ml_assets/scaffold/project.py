"""A new project: the files that a folder needs before it holds a dataset.

Belongs here: their text and where they may be written. Does not belong here: specs of datasets and
models, what a project's folder is found by (`workspace`).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ml_assets.errors import RequestError
from ml_assets.scaffold.names import package_of
from ml_assets.walk import shown

BESIDE = {".git", ".venv"}
"""What may lie in the folder before."""

PYPROJECT = """\
[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11,<3.12"
dependencies = ["ml_assets"]

[build-system]
requires = ["setuptools>=64"]
build-backend = "setuptools.build_meta"

[tool.setuptools.packages.find]
include = ["{package}*"]

[tool.setuptools.package-data]
{package} = ["defs/**/*.yaml", "defs/**/*.py"]

"""
DG = """\
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "{package}"
registry_modules = ["ml_assets"]
"""
"""The part of pyproject.toml by which a folder is a project."""
DEFINITIONS = '''\
"""Entry point for Dagster; no logic."""

import dagster as dg

from ml_assets.graph.build import definitions_here

defs: dg.Definitions = definitions_here()
'''
IGNORED = """\
# Landed files and all state; the specs in {package}/defs/ are what belongs in git.
/data/*
!/data/landing/
/data/landing/*
!/data/landing/.gitkeep

/.venv
/.dg/
/build/
*.egg-info/
__pycache__/
*.py[cod]
"""
MAKEFILE = """\
.PHONY: run plan status up

run: ## make what changed
\tml-assets run

plan: ## what would run, and why
\tml-assets plan

status: ## models and their champions
\tml-assets status

up: ## Dagster's page with the sensor on, and MLflow's, until Ctrl-C
\tml-assets up
"""
README = """\
# {name}

Models trained by ml_assets. `{package}/defs/` has a folder with a spec for each dataset and model.

    ml-assets new dataset NAME FILE                        # a spec from a file: read it, correct it
    ml-assets new model NAME --dataset NAME --target COLUMN
    ml-assets land NAME FILE
    ml-assets run                                          # only what changed; also `make run`

`make up` serves the pages. State is in `data/`, which is not in git.
"""


def write_project(folder: Path) -> str:
    """Write a project's files into a new or empty folder, and return its package's name.

    Raises RequestError, and writes nothing, where the folder holds something or its name will not
    do.
    """
    if ".." in folder.parts:
        raise RequestError(
            f"got {shown(folder)}, wanted a folder in the current one ('shop') or a full path"
        )
    place = folder.absolute()
    package = package_of(place)
    _refuse_used(place)
    made: list[Path] = []
    try:
        for name, text in _files(place.name, package).items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            made.append(path)
            path.write_text(text, encoding="utf-8")
        # As a home that the store makes: rows are its owner's alone.
        (place / "data").chmod(0o700)
    except OSError:
        for path in made:
            with suppress(OSError):
                path.unlink()
        raise
    return package


def _refuse_used(folder: Path) -> None:
    """Raise RequestError if files would come to lie among others."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise RequestError(f"{shown(folder)} is a file; wanted a new or empty folder")
    if (folder / "pyproject.toml").exists():
        raise RequestError(
            f"{shown(folder)} has a pyproject.toml, so it holds a project already; "
            "wanted a new or empty folder. In a project of ml_assets go on with "
            "`ml-assets new dataset NAME FILE`"
        )
    held = sorted(path.name for path in folder.iterdir() if path.name not in BESIDE)
    if held:
        some = ", ".join(shown(name) for name in held[:5]) + (", …" if len(held) > 5 else "")
        raise RequestError(f"{shown(folder)} is not empty ({some}); wanted a new or empty folder")


def _files(name: str, package: str) -> dict[str, str]:
    """Return path -> text; pyproject.toml comes last, as it makes the folder a project."""
    texts = {
        f"{package}/__init__.py": f'"""The datasets and models of {name}."""\n',
        f"{package}/definitions.py": DEFINITIONS,
        f"{package}/defs/__init__.py": '"""One folder for each dataset or model."""\n',
        "data/landing/.gitkeep": "",
        ".gitignore": IGNORED,
        "Makefile": MAKEFILE,
        "README.md": README,
        "pyproject.toml": PYPROJECT + DG,
    }
    plain = {path for path in texts if path.endswith((".py", ".gitkeep")) or path == "Makefile"}
    return {
        path: text if path in plain else text.format(name=name, package=package)
        for path, text in texts.items()
    }
