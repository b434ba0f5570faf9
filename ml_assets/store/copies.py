"""What lies in the environments' folders beside Dagster's, MLflow's and the pages of reports.

Belongs here: emptying and removing it. Does not belong here: the rest, which its owners see to.
"""

from __future__ import annotations

import os
import shutil

from ml_assets.store.home import Home
from ml_assets.walk import below


def drop(home: Home, logs: bool = False) -> None:
    """Remove what a killed process was about to remove; empty what servers said, if asked."""
    for env in home.environments():
        folder = home.root / "environments" / env
        shutil.rmtree(folder / "mlflow.removed", ignore_errors=True)
        for entry in below(folder / "logs") if logs else ():
            if entry.file and not entry.path.is_symlink():
                os.truncate(entry.path, 0)
