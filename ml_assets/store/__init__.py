"""Storage: digests, objects, the action cache, versions, landed batches, locks.

Belongs here: reading and writing the home, transactions, integrity.
Does not belong here: what should be computed (`engine`), dagster, mlflow.
"""
