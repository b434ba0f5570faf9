"""The shipped asset graph as plain JSON; `python -m ml_assets_tests.graph.golden` writes it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg

from ml_assets.engine.plan import Planner
from ml_assets.graph.build import definitions
from ml_assets.store.home import Home
from ml_assets.workspace import locate
from ml_assets_tests.processes import ROOT

GOLDEN = Path(__file__).with_name("golden.json")


def shipped(home: Path) -> dg.Definitions:
    """Return the definitions of the project that the package ships."""
    workspace = locate(ROOT, {"ML_ASSETS_HOME": str(home)})
    opened = Home(workspace.home, workspace.env)
    try:
        return definitions(Planner(workspace, opened))
    finally:
        opened.close()


def described(defs: dg.Definitions) -> dict[str, Any]:
    """Return what a person sees of the graph, sorted; nothing in it depends on code or data."""
    graph = defs.resolve_asset_graph()
    return {
        "assets": {
            key.to_user_string(): {
                "deps": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
                "group": graph.get(key).group_name,
                "partitions": getattr(graph.get(key).partitions_def, "name", None),
                "checks": sorted(check.name for check in graph.get(key).check_keys),
                "kinds": sorted(graph.get(key).kinds),
                "owners": sorted(graph.get(key).owners),
                "columns": _columns(graph.get(key).metadata),
                "described": bool(graph.get(key).description),
                "made": graph.get(key).is_materializable,
            }
            for key in sorted(graph.get_all_asset_keys())
        },
        "jobs": sorted(job.name for job in defs.resolve_all_job_defs() if "ASSET" not in job.name),
        "sensors": sorted(sensor.name for sensor in defs.sensors or []),
    }


def _columns(metadata: Any) -> list[str]:
    schema = metadata.get("dagster/column_schema")
    return [column.name for column in schema.columns] if schema is not None else []


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        found = described(shipped(Path(folder)))
    GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
