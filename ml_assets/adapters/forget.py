"""MLflow's part of a legal deletion: the files of runs whose report is gone."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote, urlparse

from ml_assets.adapters.mlflow import REPORT, is_empty, moved, opened, reset
from ml_assets.store.home import Home


def forget_runs(home: Home, digests: Collection[str]) -> int:
    """Remove every file but the model from runs that show a forgotten report; return how many.

    A run is then incomplete, and shown anew if its model is still current. What MLflow holds
    besides (parameters, metrics, digests of inputs) are no rows. In a home that was copied,
    where the paths lead elsewhere, all is removed and published anew.
    """
    if is_empty(home):
        return 0
    if moved(home):
        reset(home)
        return 0
    client = opened(home)
    gone = _reports(home, digests)
    count = 0
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id], max_results=50_000):
            if run.data.tags.get(REPORT) not in gone:
                continue
            folder = Path(unquote(urlparse(run.info.artifact_uri).path))
            for path in folder.iterdir() if folder.is_dir() else ():
                if path.name == "model":
                    continue
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            client.delete_tag(run.info.run_id, REPORT)
            count += 1
    return count


def _reports(home: Home, digests: Collection[str]) -> set[str]:
    """Return the reports, as MLflow's runs name them, of which any object is forgotten."""
    return {
        version.digest
        for asset in home.records.assets()
        if asset.endswith("/evaluation_report")
        for version in home.records.versions(asset)
        if any(ref.digest in digests for ref in version.outputs.values())
    }
