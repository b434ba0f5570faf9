"""Two models on the same rows, which neither has seen.

Belongs here: reading such rows, which model has seen which, whether two models can be compared;
the report's comparison with the previous candidate. Does not belong here: the gate (`gate`).
"""
