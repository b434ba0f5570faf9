"""The prediction service: HTTP in front of loaded models.

Does not belong here: predicting (`serve/model`), commands.
"""
