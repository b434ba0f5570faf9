"""The registry of assets, one entry each.

Does not belong here: how any of them is made (`stages`, recipes) or shown (`graph`).
"""
