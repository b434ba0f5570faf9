"""The quality report of a batch: statistics, drift, volume, completeness, selection bias.

Belongs here: measuring a batch and showing the figures. Does not belong here: verdicts as checks
(`check`), which batches are compared (`engine`).
"""
