"""What speaks to the outside: MLflow, OpenLineage.

Belongs here: projections of the store into other systems, each by digest and idempotent, so that
they can be made again. Does not belong here: any truth, any decision, dagster.
"""
