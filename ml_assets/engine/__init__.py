"""Turns landed files into results, as the specs say.

Belongs here: recipes (how an asset is made of actions), the plan, runs and their workers, landing
and cutting files, the list of checks, selections. Does not belong here: what a key is (`keys`),
Dagster (`graph`), what people ask of a home besides a run (`operations`).
"""
