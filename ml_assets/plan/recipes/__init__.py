"""What each unit is made of: straight-line recipes over a session; the graph of actions.

A recipe calls `session.act` for each action and `session.upstream` for what it is made
from. It is the same code that plans and that runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.plan.recipes.champion import champion
from ml_assets.plan.recipes.dataset import batch
from ml_assets.plan.recipes.evaluation import evaluation_report
from ml_assets.plan.recipes.model import candidate, features, splits
from ml_assets.plan.recipes.quality import quality_report
from ml_assets.plan.recipes.release import release
from ml_assets.plan.session import Recipe

RECIPES: Mapping[str, Recipe] = {
    "batch": batch,
    "quality_report": quality_report,
    "features": features,
    "splits": splits,
    "candidate": candidate,
    "evaluation_report": evaluation_report,
    "champion": champion,
    "release": release,
}
"""By the kind of unit."""
