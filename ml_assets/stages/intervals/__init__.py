"""Prediction intervals and prediction sets by split conformal prediction.

Belongs here: calibrating them, applying them, measuring their coverage. Does not belong here: the
model that predicts, and the page that shows the figures (`evaluate/sections`).
"""
