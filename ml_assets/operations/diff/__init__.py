"""What differs between two versions: tables by key, documents by path, models by predictions.

Belongs here: comparing. Does not belong here: finding versions (`engine/address`), printing.
"""
