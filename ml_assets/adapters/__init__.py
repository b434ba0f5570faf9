"""Connections to other systems: MLflow, OpenLineage.

Belongs here: projections of the store into other systems, by digest and idempotent, so that they
can be repeated. Does not belong here: any original data, any decision, dagster.
"""
