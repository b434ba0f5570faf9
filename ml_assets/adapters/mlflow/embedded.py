"""MLflow's database and files in the home: `mlflow/` of the environment's folder.

MLflow keeps absolute paths: a copied or moved home is detected (`moved`) and published again
(`reset`). Belongs here: that folder. Does not belong here: what is written to MLflow (`client`), a
server (`server`). mlflow is imported on first use only.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import HomeError, PublishError
from ml_assets.store.home import Home

if TYPE_CHECKING:
    from mlflow import MlflowClient


def folder(home: Home) -> Path:
    """Return the folder of MLflow's database and files."""
    return home.folder / "mlflow"


def tracking_uri(home: Home) -> str:
    """Return the address of the database, for tracking and registry alike."""
    return f"sqlite:///{(folder(home) / 'mlflow.db').absolute()}"


def is_empty(home: Home) -> bool:
    """Return, without mlflow, whether the database is missing."""
    return not (folder(home) / "mlflow.db").exists()


def moved(home: Home) -> bool:
    """Return, without mlflow, whether MLflow's paths lead elsewhere than to this home.

    Raises HomeError if the note about it is damaged.
    """
    note, here = folder(home) / "home.txt", str(folder(home).resolve())
    try:
        written = note.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return False
    if not written.startswith("/") or not written.isprintable() or "\ufffd" in written:
        raise HomeError(
            f"{note} is damaged: it holds {written[:80]!r}, wanted the folder that MLflow's paths "
            f"lead to. If this home was not moved, write {here} into it (without a line end); "
            f"otherwise delete {folder(home)}, and `ml-assets repair` publishes everything again"
        )
    return written != here


def reset(home: Home) -> None:
    """Delete MLflow's folder, so that everything is published again.

    It is renamed first, so an interrupted reset leaves nothing that looks like a database in use.
    """
    removed = home.folder / "mlflow.removed"
    shutil.rmtree(removed, ignore_errors=True)
    if folder(home).exists():
        os.replace(folder(home), removed)
        shutil.rmtree(removed)


def opened(home: Home) -> MlflowClient:
    """Return a client for the database, which is created if it is missing.

    Raises PublishError if the home was moved or the database cannot be used.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    if moved(home):
        raise PublishError(
            f"{folder(home)} was copied or moved and its paths lead elsewhere; "
            "`ml-assets repair` publishes everything again"
        )
    try:
        if is_empty(home):
            _create(home)
        return MlflowClient(tracking_uri(home), tracking_uri(home))
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise PublishError(
            f"MLflow's database in {folder(home)} cannot be used: {_first_line(error)}; delete "
            "that folder, then `ml-assets repair` publishes everything again"
        ) from error


def _create(home: Home) -> None:
    """Create the database elsewhere, then move it: an interrupted migration cannot be continued."""
    from mlflow import MlflowClient

    folder(home).mkdir(parents=True, exist_ok=True)
    (folder(home) / "home.txt").write_text(str(folder(home).resolve()), encoding="utf-8")
    aside = folder(home) / "mlflow.db.new"
    aside.unlink(missing_ok=True)
    uri = f"sqlite:///{aside.absolute()}"
    MlflowClient(uri, uri)
    os.replace(aside, folder(home) / "mlflow.db")


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
