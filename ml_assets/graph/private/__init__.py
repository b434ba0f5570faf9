"""All uses of Dagster's private API.

No other module of the package imports a private name of Dagster. Each module here documents why it
needs one and what breaks without it, and a test of each name fails first if a new Dagster changes
it.
"""
