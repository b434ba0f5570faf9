"""The parent's side of the publisher: start it early, ask it when there is something to publish.

Its imports (seconds) overlap the training. Belongs here: the process and its pipe. Does not
belong here: mlflow, which this module never imports.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from typing import IO, Any

from ml_assets.errors import PublishError
from ml_assets.importing import command
from ml_assets.plan.workspace import Workspace, child_environment

PATIENCE = 120.0
"""Seconds that one model may take."""
NICENESS = 19
"""Its imports use what the stages leave of the processors."""


class Publisher:
    """A publisher process; used by one thread, under the writer lock."""

    def __init__(self, workspace: Workspace, patience: float = PATIENCE) -> None:
        self._workspace = workspace
        self._patience = patience
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._errors: IO[bytes] | None = None

    def __enter__(self) -> Publisher:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the process and do not wait for it; nothing if it runs already."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._answers = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [*command("ml_assets.adapters.publisher"), str(self._workspace.defs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            env=child_environment(self._workspace),
            # Control-C is for the parent; the child ends with its stdin.
            start_new_session=True,
        )
        os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
        reader = threading.Thread(
            target=_read, args=(self._process.stdout, self._answers), daemon=True
        )
        reader.start()

    def publish(self, model: str, run_id: str | None = None) -> dict[str, Any]:
        """Publish a model's current candidate; return what `mlflow.publish` does.

        Raises PublishError where it was refused, the process died or took too long.
        """
        return self._ask(model, {"model": model, "run_id": run_id})

    def log_experiment(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Show an experiment (its `--json` document); return `experiment` and `run_id`.

        Raises PublishError as `publish` does.
        """
        return self._ask(f"the experiment on {document['model']}", {"experiment": document})

    def show_log(self, model: str) -> dict[str, Any]:
        """Make MLflow's aliases and tags say what the promotion log says; return the aliases.

        Raises PublishError as `publish` does.
        """
        return self._ask(model, {"model": model, "log": True})

    def _ask(self, model: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a request; `model` is what messages call it."""
        self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=self._patience)
        except BrokenPipeError:
            line = ""
        except queue.Empty:
            self.close()
            raise PublishError(
                f"{model} was not published to MLflow within {self._patience:g} s; the store has "
                "it, `ml-assets repair` publishes it"
            ) from None
        if not line:
            raise PublishError(self._death(model))
        answer: dict[str, Any] = json.loads(line)
        if not answer.pop("ok"):
            raise PublishError(f"{model} was not published to MLflow: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process at once; whatever it was asked for and answered is kept."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _death(self, model: str) -> str:
        """Return what to say of a process that ended without an answer."""
        assert self._process is not None
        assert self._errors is not None
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self.close()
        return (
            f"{model} was not published to MLflow: the publisher ended with code {code}"
            + (f" ({lines[-1]})" if lines else "")
            + "; the store has it, `ml-assets repair` publishes it"
        )


def _read(stream: IO[str], answers: queue.SimpleQueue[str]) -> None:
    """Pass on each line, then an empty one."""
    for line in stream:
        answers.put(line)
    answers.put("")
