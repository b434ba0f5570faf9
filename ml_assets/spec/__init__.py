"""Typed, frozen models of defs.yaml; unknown keys are refused.

Belongs here: what a user may write, its types, defaults and cross-checks.
Does not belong here: how it is used, the environment, the clock.
"""
