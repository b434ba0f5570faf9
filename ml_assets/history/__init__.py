"""The past of a home, as recorded: actions, candidates, decisions.

Belongs here: reading records back to data, code and candidates, running recorded code, writing a
decision to the log. Does not belong here: what would be made now (`engine`).
"""
