"""Watching a model in use, by batch.

Belongs here: figures on batches that were predicted, and the page that shows them. Does not belong
here: predicting (`score`), what may become champion (`gate`).
"""
