"""The quality report of a batch: statistics, drift, volume, completeness, selection bias.

Belongs here: what is measured and how it is shown. Does not belong here: verdicts as checks
(`check`), which batches are compared (the plan).
"""
