"""Shows the promotion log in MLflow: aliases, and a tag on each decided version.

Everything is derived from the log and compared with MLflow, so the next call completes an
interrupted one. Belongs here: which alias names which version. Does not
belong here: runs, artifacts (`client`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.adapters.decision import described
from ml_assets.adapters.mlflow.candidate import past_candidate
from ml_assets.adapters.mlflow.client import DIGEST, opened, put
from ml_assets.errors import DamagedObject, NotMaterialized
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.promotions import ROLLED_BACK, LogEntry, LoggedVersion

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER = "champion", "challenger"
DECISION, REASON, ENTRY = "ml_assets.decision", "ml_assets.reason", "ml_assets.log_entry"
HELD = "held"
"""The status of a version that was rolled back from, until it is promoted."""


def show_log(home: Home, project: Project, model: str) -> dict[str, Any]:
    """Make MLflow show a model's promotion log; return alias -> MLflow's version, or None.

    Raises PublishError.
    """
    client = opened(home)
    name = f"{model}-{home.env}"
    while True:
        length = home.promotions.length(home.env, model)
        wanted = {
            CHAMPION: home.promotions.champion(home.env, model),
            CHALLENGER: home.promotions.challenger(home.env, model),
        }
        numbers = {
            alias: _number(client, home, project, model, pointer)
            for alias, pointer in wanted.items()
        }
        if length:
            _move(client, name, numbers)
            _tell(client, home, name, home.promotions.entries(home.env, model))
        if home.promotions.length(home.env, model) == length:
            # Each process that moves an alias reads the log again, so the last one agrees with it.
            return numbers


def _number(
    client: MlflowClient, home: Home, project: Project, model: str, pointer: LoggedVersion | None
) -> str | None:
    """Return MLflow's number of a version, which is published first if MLflow does not have it.

    None if neither MLflow nor the store has it, because it or its report was deleted.
    """
    if pointer is None:
        return None
    wanted = f"name = '{model}-{home.env}' and tags.`{DIGEST}` = '{pointer.digest}'"
    known = client.search_model_versions(wanted, max_results=1)
    if known:
        return str(known[0].version)
    try:
        candidate = past_candidate(home, project, model, pointer.digest)
        return str(put(client, home, candidate, None)["version"])
    except NotMaterialized:
        return None
    except DamagedObject as error:
        if home.removals.why(error.digest) is None:
            raise
        return None


def _move(client: MlflowClient, name: str, numbers: Mapping[str, str | None]) -> None:
    shown = client.get_registered_model(name).aliases
    for alias, number in numbers.items():
        if number is None and alias in shown:
            client.delete_registered_model_alias(name, alias)
        elif number is not None and str(shown.get(alias)) != number:
            client.set_registered_model_alias(name, alias, number)


def _tell(client: MlflowClient, home: Home, name: str, entries: list[LogEntry]) -> None:
    """Tag each version with its status in the log."""
    for version in client.search_model_versions(f"name = '{name}'"):
        digest = version.tags.get(DIGEST, "")
        mine = [e for e in entries if digest in (e.digest, e.action == ROLLED_BACK and _left(e))]
        if mine:
            _tell_one(client, version, _tags(digest, mine), described(home, mine))


def _left(entry: LogEntry) -> str | None:
    """Return the digest of the champion before an entry."""
    return None if entry.previous is None else entry.previous["digest"]


def _tags(digest: str, mine: list[LogEntry]) -> dict[str, str]:
    last = mine[-1]
    action = last.action if last.digest == digest else HELD
    return {DECISION: action, REASON: last.reason[:5000], ENTRY: str(last.number)}


def _tell_one(
    client: MlflowClient, version: ModelVersion, tags: Mapping[str, str], said: str
) -> None:
    for key, value in tags.items():
        if version.tags.get(key) != value:
            client.set_model_version_tag(version.name, str(version.version), key, value)
    if version.description != said:
        client.update_model_version(version.name, str(version.version), said)
