"""A champion as a self-contained bundle: pure functions from stored content to file bytes.

Belongs here: the contents of a bundle and its exact bytes. Does not belong here: choosing a
champion, writing to disk, signing (`release`).
"""
