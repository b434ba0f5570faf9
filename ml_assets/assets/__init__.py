"""The registry of assets, with one entry each.

Does not belong here: how they are computed (`stages`, recipes) or shown (`graph`).
"""
