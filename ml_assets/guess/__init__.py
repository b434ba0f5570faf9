"""From files to a guess: their dialect, what each column is, the spec that says so.

Belongs here: reading all rows once or twice, rules about columns, the text of a dataset's spec.
Does not belong here: writing it to a project (`scaffold`), guessing at run time (nobody does).
"""
