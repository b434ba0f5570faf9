"""A trial as Dagster's page shows it."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ml_assets.engine.reports import page
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current


def trial_metadata(home: Home, _: Project, current: Current) -> dict[str, Any]:
    """Return the verdict, the page, and the numbers that are plotted over runs."""
    document = home.objects.json(current.outputs["trial"].digest)
    metadata: dict[str, Any] = {
        "verdict": document["verdict"],
        "sentence": document["sentence"],
        "champion": document["champion"]["version"],
        "challenger": document["challenger"]["version"],
        "blocks": len(document["blocks"]),
        "rows": document["rows"],
        "report_file": dg.MetadataValue.path(str(page(home, current))),
    }
    if document["blocks"]:
        last = document["blocks"][-1]
        metadata |= {"mean_difference": document["means"]["value"]}
        metadata |= {"low": last["low"], "high": last["high"]}
    return metadata
