"""An MLflow server of one's own, by its address in `ML_ASSETS_MLFLOW`.

Its database and its files are its own; several environments and projects may share it. Belongs
here: which server, and whether it can be used. Does not belong here: what is written to it
(`client`). mlflow is imported on first use only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ml_assets.errors import HomeError, PublishError

if TYPE_CHECKING:
    from mlflow import MlflowClient

MLFLOW = "ML_ASSETS_MLFLOW"
PATIENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "30", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""By MLflow's own settings a server that is away would be asked for some minutes."""


def address() -> str:
    """Return the server's address, empty for the home's own database; HomeError for no address."""
    given = os.environ.get(MLFLOW, "").strip().rstrip("/")
    if not given:
        return ""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise HomeError(
            f"{MLFLOW}={given}: wanted the address of an MLflow server, such as "
            "http://mlflow:5000; without it MLflow's database is in the home"
        )
    if parts.username or parts.password:
        raise HomeError(
            f"{MLFLOW} holds a name or a password, which messages would show; set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    return given


def opened(url: str) -> MlflowClient:
    """Return a client for a server that answers; raises PublishError if it does not."""
    for name, value in PATIENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(url, url)
    try:
        client.search_experiments(max_results=1)
    except MlflowException as error:
        said = str(error).strip().split("\n")[0]
        raise PublishError(
            f"the MLflow server {url} ({MLFLOW}) cannot be used: {said}; once it can, "
            "`ml-assets repair` publishes what is missing"
        ) from error
    return client
