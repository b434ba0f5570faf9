"""Two models on the same rows, of which neither has seen any.

Belongs here: reading such rows, who has seen which, whether two models can be compared at all; and
the report's comparison with the previous candidate. Does not belong here: what follows for the
gate (`gate`).
"""
