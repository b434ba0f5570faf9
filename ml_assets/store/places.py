"""Every place where a home stores bytes, and what a deletion and a collection do there.

`ml-assets forget`, `ml-assets gc`, the docs and a test that searches a whole home all use this
list. `forget` names files of a home that are in none of the places. Belongs here: a line for each
new kind of file. Does not belong here: how each is searched or removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_assets.walk import Item, below, look, shown

NOTHING = "holds no rows"


@dataclass(frozen=True)
class Place:
    """Files of one kind."""

    path: str
    """Relative to the home: `<env>` is one name, `*` part of one; a final `/` means all below."""
    holds: str
    forget: str = NOTHING
    gc: str = "stays"

    def has(self, path: str) -> bool:
        """Return whether a path, relative to the home, is in this place."""
        return re.fullmatch(_pattern(self.path), path) is not None


def _pattern(path: str) -> str:
    parts = re.split(r"(<\w+>|\*)", path)
    pattern = "".join(
        "[^/]+" if p[:1] == "<" else "[^/]*" if p == "*" else re.escape(p) for p in parts
    )
    return f"{pattern}.+" if path.endswith("/") else pattern


KILLED = "removed on opening the home, once that process has ended"
ENV = "environments/<env>"

PLACES = (
    Place(
        "landing/<dataset>/",
        "files to be landed",
        "all files are searched, landed or not, and rewritten without the rows; "
        "files that cannot be parsed are reported",
    ),
    Place(
        "sample/<file>",
        "the demo's files",
        "as in landing, for names that match the dataset's pattern",
    ),
    Place(
        "guessed/<dataset>.json", "the paths of the files that a dataset's spec was guessed from"
    ),
    Place(
        "federated/<model>/",
        "federated training: keys, what left a site, and while rounds go on the rows to learn from",
        "the rows to learn from are removed; rounds that go on with them fail",
    ),
    Place(
        "objects/<part>/d1-*",
        "landed files and results",
        "landed files are rewritten; results that can contain a row of them are removed",
        "unreachable objects are removed",
    ),
    Place("objects/tmp/", "results being written", KILLED, KILLED),
    Place("objects/store.id", "the id that ties objects and state together"),
    Place(
        "state.db*",
        "state with its write-ahead log: actions with their facts and checks, versions, decisions",
        "records that depend on the rows are removed and the file is rewritten; a tombstone and "
        "the log of decisions stay",
        "entries of removed objects go; actions, versions and decisions stay",
    ),
    Place(
        "copies/state-format-*",
        "copies of the state from before migrations",
        "removed",
    ),
    Place("tmp/", "temporary files for MLflow, `recreate` and `compare`", KILLED, KILLED),
    Place("locks", "locks"),
    Place("machine", "the name of this machine's folder in a shared home"),
    Place("machine.*.tmp", "that name, being written"),
    Place(
        f"{ENV}/reports/*-v*.html*",
        "report pages, written on request",
        "pages of removed reports are removed",
        "pages of removed reports are removed",
    ),
    Place(
        f"{ENV}/requests/",
        "what the service was asked since the last sealed day",
        "searched, and rewritten without the rows",
        "becomes a landed file, a day at a time",
    ),
    Place(f"{ENV}/settled.json*", "digests of batches that a plan need not walk again"),
    Place(f"{ENV}/logs/", "logs of servers, run workers and Dask workers", "emptied"),
    Place(f"{ENV}/experiments/", "plots of experiments: scores of settings"),
    Place(f"{ENV}/replays/", "pages and plots of replays: sums of losses by batch"),
    Place(
        f"{ENV}/mlflow/artifacts/",
        "models, reports and plots in MLflow",
        "of runs whose report depends on the rows, everything but the model is removed; a model "
        "keeps the categories that it was trained with",
    ),
    Place(
        f"{ENV}/mlflow/mlflow.db*",
        "MLflow's runs: settings, metrics, digests",
        "rewritten, so that freed pages contain nothing",
    ),
    Place(f"{ENV}/mlflow/home.txt", "the path of the home that MLflow's paths use"),
    Place(
        f"{ENV}/mlflow.removed/", "MLflow's old folder after a home was moved", "removed", "removed"
    ),
    Place(
        f"{ENV}/dagster/history/",
        "Dagster's runs and events, with previews",
        "failed runs and runs that made deleted results are deleted; the file is rewritten",
    ),
    Place(
        f"{ENV}/dagster/schedules/",
        "the sensor's messages",
        "deleted; the file is rewritten",
    ),
    Place(f"{ENV}/dagster/*.yaml", "Dagster's settings"),
    Place(f"{ENV}/dagster/*.tmp", "Dagster's settings, being written"),
    Place(f"{ENV}/lock", "the lock of an environment"),
    Place(f"{ENV}/lock.json", "the process that holds it"),
)
"""In the order of the docs; each file of a home is in exactly one."""

FOLDERS = (
    *("landing", "sample", "objects", "objects/tmp", "copies", "tmp", "environments", ENV),
    *(f"{ENV}/{name}" for name in ("reports", "requests", "logs", "experiments", "replays")),
    *(f"{ENV}/{name}" for name in ("mlflow", "dagster")),
)
FILES = (
    *("state.db", "locks", "machine", f"{ENV}/lock", f"{ENV}/lock.json"),
    *(f"{ENV}/mlflow/mlflow.db", f"{ENV}/mlflow/home.txt", f"{ENV}/dagster/dagster.yaml"),
)
"""Files that are opened by name; a folder or pipe instead would make a command fail or hang."""

OURS = {"README.md", "landing/.gitkeep"}
"""What the project's own repository keeps in its home."""


def foreign(home: Path) -> Iterator[Item]:
    """Yield the files of a home that are in none of its places."""
    for entry in below(home):
        path = entry.path.relative_to(home).as_posix()
        if path not in OURS and not any(place.has(path) for place in PLACES):
            yield entry


def misplaced(home: Path, env: str) -> list[str]:
    """Return a sentence for each folder that should be a file, or file that should be a folder."""
    problems: dict[Path, str] = {}
    for names, folder in ((FOLDERS, True), (FILES, False)):
        for name in names:
            path = home / name.replace("<env>", env)
            entry = None if problems.keys() & set(path.parents) else look(path)
            if entry is not None and not (entry.folder if folder else entry.file):
                odd, wanted = entry.odd or "is a file", "a folder" if folder else "a file"
                problems[path] = f"{shown(path)} {odd}; wanted {wanted}; move it away"
    return list(problems.values())
