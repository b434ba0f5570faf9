"""Where actions run beside the run itself: on the workers of a Dask cluster, which fill the cache.

Belongs here: which actions can run now, tasks, a worker's side, the cluster. Does not belong here:
making results current, which only the run does (`engine/make`).
"""
