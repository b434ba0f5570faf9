"""The language of filters, rules and targets: what may be written, and of which types.

Belongs here: reading and judging expressions. Does not belong here: evaluating them on rows
(`stages/expressions`).
"""
