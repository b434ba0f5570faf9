"""Files in the environments' folders other than Dagster's, MLflow's and report pages.

Belongs here: emptying and removing them. Does not belong here: files that other modules own.
"""

from __future__ import annotations

import os
import shutil

from ml_assets.store.home import Home
from ml_assets.walk import below


def drop(home: Home, logs: bool = False) -> None:
    """Remove what a killed process left behind; with `logs`, also empty the servers' logs."""
    for env in home.environments():
        folder = home.root / "environments" / env
        shutil.rmtree(folder / "mlflow.removed", ignore_errors=True)
        for entry in below(folder / "logs") if logs else ():
            if entry.file and not entry.path.is_symlink():
                os.truncate(entry.path, 0)
