"""Writes what a person would write by hand: a project with its specs.

Belongs here: the choices of a new model with their evidence, files that keep a person's edits.
Does not belong here: what the columns of a dataset are (`guess`).
"""
