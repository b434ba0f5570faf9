"""The recipe of each kind of unit: straight-line code over a session; the graph of actions.

A recipe calls `session.act` for each action and `session.upstream` for each input. The same code
plans and runs. Each module also lists the ingredients of its unit's code version.
"""
