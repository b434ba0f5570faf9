"""The parent's side of the publisher: start it early, send a request when there is work.

Its imports take seconds, which overlap with training. Belongs here: the process and its pipe. Does
not belong here: mlflow, which this module never imports.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.children.child import Child, ChildError, Ended
from ml_assets.errors import PublishError
from ml_assets.workspace import Workspace, child_environment

TARGET = "ml_assets.adapters.mlflow.child:answering"
PATIENCE = 120.0
"""How many seconds one model may take."""
NICENESS = 19
"""Its imports should only use processor time that the stages leave."""


class Publisher:
    """A publisher process, for use by one thread.

    Runs hold the writer lock; promote, rollback and trial do not, so `show_log` must be idempotent.
    """

    def __init__(self, workspace: Workspace, patience: float = PATIENCE) -> None:
        self._workspace = workspace
        self._patience = patience
        self._child: Child | None = None

    def __enter__(self) -> Publisher:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the process without waiting for it, unless it is running already."""
        if self._child is not None and self._child.alive:
            return
        self.close()
        self._child = Child(
            TARGET,
            str(self._workspace.defs),
            environ=child_environment(self._workspace),
            niceness=NICENESS,
        )

    def publish(self, model: str, run_id: str | None = None) -> dict[str, Any]:
        """Publish a model's current candidate; return the same as `client.publish`.

        Raises PublishError if it was refused, or the process died or took too long.
        """
        return self._ask(model, {"model": model, "run_id": run_id})

    def log_experiment(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Publish an experiment (its `--json` document); return `experiment` and `run_id`.

        Raises PublishError as `publish` does.
        """
        return self._ask(f"the experiment on {document['model']}", {"experiment": document})

    def show_log(self, model: str) -> dict[str, Any]:
        """Make MLflow's aliases and tags match the promotion log; return the aliases.

        Raises PublishError as `publish` does.
        """
        return self._ask(model, {"model": model, "log": True})

    def _ask(self, model: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a request; `model` is its subject in messages."""
        self.start()
        assert self._child is not None
        try:
            reply: dict[str, Any] = self._child.ask(request, self._patience)
        except ChildError as error:
            if not self._child.alive:
                self.close()
            raise PublishError(
                f"{model} was not published to MLflow: {error}{_cure(error)}"
            ) from None
        return reply

    def close(self) -> None:
        """End the process immediately; whatever it has published stays."""
        child, self._child = self._child, None
        if child is not None:
            child.close()


def _cure(error: ChildError) -> str:
    """Return what to do if the publisher itself is gone."""
    ended = isinstance(error, Ended)
    return "; the store has it, `ml-assets repair` publishes it" if ended else ""
