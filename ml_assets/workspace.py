"""Where things are: the project's specs and code, the home, the environment in use."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_assets.errors import HomeError
from ml_assets.startup import process_environment
from ml_assets.store.home import Home

PACKAGE = Path(__file__).parent
DASK = "ML_ASSETS_DASK"
_Found = tuple[Path, str, Path, Mapping[str, Any]]
"""The folder of a project, its defs module, the folder of that, its tools' settings."""


@dataclass(frozen=True)
class Workspace:
    """A project on disk and the home and environment that it runs in."""

    defs: Path
    """The folder whose folders hold a defs.yaml each."""
    module: str
    """The defs folder as a module (`ml_assets.defs`); hooks are imported below it."""
    home: Path
    env: str
    state: str = field(default="", repr=False)
    """The URL of a Postgres database (it may hold a password); empty: SQLite in the home."""
    objects: str = ""
    """A folder or an fsspec URL; empty: `objects` in the home."""
    runner: str = ""
    """The address of a scheduler whose Dask workers run actions; empty: this machine runs them."""
    formerly: tuple[str, ...] = ()
    """Projects whose datasets and models of the same names are this one's now."""

    def open_home(self) -> Home:
        """Open the home; raises HomeError where it cannot be used."""
        return Home(self.home, self.env, self.state, self.objects)

    def claims(self) -> dict[str, dict[str, Any]]:
        """Return what the projects of the home claim; raises HomeError where it cannot be used."""
        home = self.open_home()
        try:
            return home.claims.read()
        finally:
            home.close()

    @property
    def project(self) -> str:
        """The project's name: its root module."""
        return self.module.split(".", maxsplit=1)[0]

    @property
    def roots(self) -> Mapping[str, Path]:
        """First-party top-level packages and their folders."""
        depth = len(self.module.split(".")) - 1
        folder = self.defs
        for _ in range(depth):
            folder = folder.parent
        return {"ml_assets": PACKAGE, self.project: folder}

    def hook(self, group: str, reference: str) -> str:
        """Return `module:function` of a user's `file.py:function` in a group's folder.

        One of an installed package, `package.module:function`, is that already.
        """
        file, function = reference.split(":")
        if not file.endswith(".py"):
            return reference
        stem = file.removesuffix(".py").replace("/", ".")
        return f"{self.module}.{group}.{stem}:{function}"


def locate(start: Path | None = None, environ: Mapping[str, str] | None = None) -> Workspace:
    """Find the project around a folder (default: the current one).

    The project is the nearest folder upwards whose pyproject.toml has `[tool.dg.project]`,
    otherwise the definitions that ml_assets ships. `ML_ASSETS_HOME` (default: `data` in the
    project) and `ML_ASSETS_ENV` (default: `dev`) say where state lives and which
    environment is in use; `ML_ASSETS_STATE` and `ML_ASSETS_OBJECTS` lead to what machines share.
    Raises HomeError where a named folder is not there, or the project is another ml_assets.
    """
    environ = os.environ if environ is None else environ
    here = (start or Path.cwd()).resolve()
    root, module, defs, tools = _project(here) or _shipped(here)
    if not defs.is_dir():
        raise HomeError(f"no folder {defs} for the definitions of {module}")
    if module.split(".")[0] == PACKAGE.name and defs.resolve() != (PACKAGE / "defs").resolve():
        # Its code would be planned by, and that of this process would run.
        raise HomeError(
            f"{root} is a copy of ml_assets, this command is of another, {PACKAGE.parent}: "
            f"use its own ({root}/.venv/bin/ml-assets, created by `make demo`), or another folder"
        )
    home = Path(environ.get("ML_ASSETS_HOME") or root / "data")
    objects = environ.get("ML_ASSETS_OBJECTS") or ""
    if objects and "://" not in objects:
        objects = str((here / objects).absolute())
    runner, formerly = _settings(root, tools)
    return Workspace(
        defs,
        module,
        (here / home).absolute(),
        environ.get("ML_ASSETS_ENV") or "dev",
        environ.get("ML_ASSETS_STATE") or "",
        objects,
        runner if environ.get(DASK) is None else environ[DASK],
        formerly,
    )


def _settings(root: Path, tools: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return `runner` and `formerly` of `[tool.ml_assets]` in a project's settings, empty if unset.

    Raises HomeError for anything else in that table.
    """
    said = tools.get("ml_assets", {})
    odd = sorted(set(said) - {"runner", "formerly"}) if isinstance(said, dict) else ["ml_assets"]
    runner = "" if odd else said.get("runner", "")
    before = [] if odd else said.get("formerly", [])
    listed = isinstance(before, list) and all(isinstance(name, str) for name in before)
    wrong = [repr(runner)] if not isinstance(runner, str) else [] if listed else [repr(before)]
    if odd or wrong:
        raise HomeError(
            f"{root / 'pyproject.toml'}: [tool.ml_assets] takes only runner = 'tls://HOST:PORT', "
            "the address of a Dask scheduler, and formerly = ['NAME'], other names that this "
            f"project had; got {', '.join(odd or wrong)}"
        )
    return runner, tuple(before)


def inside_project(start: Path | None = None) -> bool:
    """Tell whether a folder (default: the current one) is in a project."""
    here = (start or Path.cwd()).resolve()
    return _project(here) is not None


def child_environment(workspace: Workspace) -> dict[str, str]:
    """Return the environment of a child process that works on the same home and code."""
    return {**process_environment(), **settings(workspace)}


def settings(workspace: Workspace) -> dict[str, str]:
    """Return the environment variables that say where state lives."""
    return {
        "ML_ASSETS_HOME": str(workspace.home),
        "ML_ASSETS_ENV": workspace.env,
        "ML_ASSETS_STATE": workspace.state,
        "ML_ASSETS_OBJECTS": workspace.objects,
        DASK: workspace.runner,
    }


def _project(here: Path) -> _Found | None:
    """Return the nearest folder upwards with a project for dg, its module, defs and settings."""
    for root in (here, *here.parents):
        tools = _tools(root / "pyproject.toml")
        table = tools.get("dg", {})
        project = table.get("project") if isinstance(table, dict) else None
        if project and "root_module" in project:
            module = project.get("defs_module") or f"{project['root_module']}.defs"
            parts = module.split(".")
            bases = [base for base in (root, root / "src") if base.joinpath(parts[0]).is_dir()]
            return root, module, (bases or [root])[0].joinpath(*parts), tools
    return None


def _shipped(here: Path) -> _Found:
    """Return the definitions that ml_assets ships, with the settings of a folder."""
    return here, "ml_assets.defs", PACKAGE / "defs", _tools(here / "pyproject.toml")


def _tools(pyproject: Path) -> Mapping[str, Any]:
    """Return the tables `[tool.…]` of a file; none if it is not there. Raises HomeError."""
    if not pyproject.is_file():
        return {}
    try:
        tools = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {})
    except ValueError as error:
        raise HomeError(f"{pyproject}: {error}") from error
    return tools if isinstance(tools, dict) else {}
