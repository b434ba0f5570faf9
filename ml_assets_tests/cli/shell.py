"""`ml-assets` on a toy project: in this process for speed, or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from typer.testing import CliRunner

from ml_assets.cli.main import app
from ml_assets.graph.instance import open_instance
from ml_assets.store.home import Home
from ml_assets.workspace import locate
from ml_assets_tests import warm
from ml_assets_tests.processes import ROOT, environment
from ml_assets_tests.projects import Toy, toy_project


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)


class Shell:
    """Commands on one project; what a command sets in its environment ends with it."""

    def __init__(self, root: Path, home: Path | None = None) -> None:
        self.root = root
        self.home = home or root / "data"
        self.more: dict[str, str] = {}
        """More of the environment that commands see."""

    def environ(self, env: str = "dev") -> dict[str, str]:
        """Return the environment that commands see."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "ML_ASSETS"))}
        return {**kept, "ML_ASSETS_HOME": str(self.home), "ML_ASSETS_ENV": env, **self.more}

    @contextmanager
    def inside(self, env: str = "dev") -> Iterator[None]:
        """Be in the project's folder, with its environment."""
        with chdir(self.root), environment(self.environ(env)):
            yield

    def __call__(self, *words: object, code: int = 0, env: str = "dev") -> Answer:
        """Run a command in this process."""
        with self.inside(env), warm.python():
            result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        answer = Answer(result.exit_code, result.stdout, result.stderr)
        assert answer.code == code, f"{words}: {answer}"
        return answer

    def json(self, *words: object, code: int = 0, env: str = "dev") -> Any:
        """Run a command in this process, and return its JSON document."""
        return self(*words, "--json", code=code, env=env).document

    def start(
        self,
        *words: object,
        env: str = "dev",
        more: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a command in a process of its own; `before` is called in it first."""
        environ = {**self.environ(env), "PYTHONPATH": str(ROOT), **(more or {})}
        return subprocess.Popen(
            [sys.executable, "-m", "ml_assets.cli.main", *map(str, words)],
            cwd=self.root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=before,
        )

    def process(
        self,
        *words: object,
        code: int = 0,
        env: str = "dev",
        more: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
    ) -> Answer:
        """Run a command in a process of its own."""
        return answer_of(self.start(*words, env=env, more=more, before=before), code)

    @contextmanager
    def dagster(self, env: str = "dev") -> Iterator[dg.DagsterInstance]:
        """Open Dagster's instance."""
        with self.inside(env), open_instance(locate()) as instance:
            yield instance

    @contextmanager
    def store(self, env: str = "dev") -> Iterator[Home]:
        """Open the home."""
        with self.inside(env):
            home = locate().open_home()
        try:
            yield home
        finally:
            home.close()

    def digests(self, env: str = "dev") -> dict[str, str]:
        """Return cell -> digest of all that an environment holds."""
        with self.store(env) as home:
            held = home.records.all_current(env)
            return {f"{a}@{p}" if p else a: current.digest for (a, p), current in held.items()}


class Site(Shell):
    """A toy project and its commands."""

    def __init__(self, toy: Toy) -> None:
        super().__init__(toy.root)
        self.toy = toy

    def __call__(self, *words: object, code: int = 0, env: str = "dev") -> Answer:
        """Run a command in this process, the project's modules imported as in a new one."""
        self.toy.forget()
        try:
            return super().__call__(*words, code=code, env=env)
        finally:
            self.toy.forget()


@contextmanager
def toy_site(root: Path) -> Iterator[Site]:
    """Make the toy project in a new folder; nothing has landed."""
    with toy_project(root) as toy:
        yield Site(toy)


def answer_of(process: subprocess.Popen[str], code: int = 0, timeout: float = 900) -> Answer:
    """Wait for a command to end with a code; its answer holds no traceback."""
    out, err = process.communicate(timeout=timeout)
    answer = Answer(process.returncode, out, err)
    assert answer.code == code, answer
    assert "Traceback" not in answer.err, answer
    return answer
