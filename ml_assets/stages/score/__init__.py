"""From a raw row to a prediction: the one way, whatever the row comes in.

Belongs here: reading and judging rows to score, their features, the answer. Does not belong here:
files, the store, which model and which joined tables (`serve`). A row that cannot be predicted
keeps its place: its answer says why.
"""
