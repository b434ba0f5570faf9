"""The evaluation report of a candidate on the test fold.

Belongs here: test predictions, intervals, slices, plots, the page. Does not belong here: metric
definitions (`stages/metrics.py`), decisions based on the report (`gate`).
"""
