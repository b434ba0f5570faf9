"""Specs to actions: what must run and why, and running one action.

Belongs here: the graph of actions, action keys, the plan, running an action on the
store. Does not belong here: dagster, mlflow, how things are shown.
"""
