"""Entry point of the code location; no logic."""

import dagster as dg

from ml_assets.graph.build import definitions
from ml_assets.plan.plan import planner_here

defs: dg.Definitions = definitions(planner_here())
