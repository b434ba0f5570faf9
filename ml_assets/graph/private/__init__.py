"""Everything used of Dagster that is not part of its public API.

No other module imports a private name of Dagster's. Each module here says what it is for and what
breaks without it, and a test of each name fails first where a new Dagster changes it.
"""
