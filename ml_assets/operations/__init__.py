"""What people can ask of a home besides a run: compare, recreate, collect, forget, experiment.

Does not belong here: landing and running (`engine`), bundles (`release`), printing (`cli`).
"""
