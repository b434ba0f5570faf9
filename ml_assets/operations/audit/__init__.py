"""All that a home has on record of a model in a period, as one document for people who audit it.

Belongs here: collecting what is recorded; nothing is computed anew, and nothing is asked of a
network. Does not belong here: one prediction (`operations/trace`), printing (`cli/audit`).
"""
