"""The assets that a dataset and a model have, as names, entries and edges.

Does not belong here: how any of them is made (`stages`, recipes) or shown (`graph`).
"""
