"""Pseudonyms in the place of sensitive values, before anything is stored.

Belongs here: delivered bytes to bytes of the same format without clear values. Does not belong
here: the key (`store/pseudonyms`), which columns (`spec/pseudonyms`).
"""
