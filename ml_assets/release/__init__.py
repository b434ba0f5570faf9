"""Release bundles outside the home: writing, reading, checking, signing and scoring them.

Does not belong here: the content of a bundle, which is a stage (`stages/release`).
"""
