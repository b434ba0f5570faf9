"""Pure functions in data-flow order: ingest, clean, check, features, split, train, evaluate.

Belongs here: what turns inputs into outputs. Does not belong here: the
environment, the clock, randomness without a seed, files, logging, dagster, mlflow.
"""
