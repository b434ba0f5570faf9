"""The process that publishes: `python -m ml_assets.adapters.publisher [DEFS]`.

It imports mlflow and opens the database at once, then answers one JSON line on stdout for each
on stdin, `{"model": …, "run_id": …}` for a candidate, `{"model": …, "log": true}` for what the
promotion log says or `{"experiment": …}`, and ends with its stdin. Belongs here: the child's side.
Does not belong here: the parent's (`publishing`).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from ml_assets.adapters import experiments
from ml_assets.adapters.aliases import show_log
from ml_assets.adapters.mlflow import opened, publish
from ml_assets.errors import MlAssetsError
from ml_assets.plan.workspace import locate
from ml_assets.spec.project import Project, read_project
from ml_assets.store.home import Home


def answer(home: Home, project: Project, line: str) -> dict[str, Any]:
    """Return what became of one request."""
    request = json.loads(line)
    try:
        if "experiment" in request:
            return {"ok": True, **experiments.log(home, request["experiment"])}
        if request.get("log"):
            return {"ok": True, **show_log(home, project, request["model"])}
        return {"ok": True, **publish(home, project, request["model"], request.get("run_id"))}
    except MlAssetsError as error:
        return {"ok": False, "error": str(error)}
    except Exception as error:
        # Not swallowed: the parent raises it. This process goes on with the other models.
        traceback.print_exc()
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Serve until stdin ends."""
    # Whatever a library prints goes to stderr; the answers alone have the real stdout.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    workspace = locate(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    project = read_project(workspace.defs)
    home = workspace.open_home()
    with contextlib.suppress(MlAssetsError):
        # What is wrong is said in answer to the first request.
        opened(home)
    with contextlib.suppress(BrokenPipeError):
        for line in sys.stdin:
            answers.write(json.dumps(answer(home, project, line)) + "\n")
            answers.flush()
    home.close()


if __name__ == "__main__":
    main()
