"""Entry point of the code location; no logic."""

import dagster as dg

from ml_assets.graph.build import definitions_here

defs: dg.Definitions = definitions_here()
