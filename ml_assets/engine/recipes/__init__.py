"""What each unit is made of: straight-line recipes over a session; the graph of actions.

A recipe calls `session.act` for each action and `session.upstream` for what it is made
from. It is the same code that plans and that runs. Beside it stands what the unit's code
version is made of.
"""
