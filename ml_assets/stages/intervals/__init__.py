"""Prediction intervals and prediction sets by split conformal prediction.

Belongs here: calibrating and applying them. Does not belong here: the model that predicts, and
their coverage on test (`evaluate/coverage`).
"""
