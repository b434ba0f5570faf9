"""Dividing labelled rows into train, validation and test, one file per kind of split.

Belongs here: which rows of which batch are in which fold, as references. Does not belong here:
copies of rows, fitting, whether a batch may be used at all (`engine`).
"""
