"""Dividing labelled rows into train, validation and test, one file a kind of split.

Belongs here: which rows of which batch are in which fold, as references. Does not belong here:
copies of rows, fitting, the decision whether a batch may be used at all (the plan's).
"""
