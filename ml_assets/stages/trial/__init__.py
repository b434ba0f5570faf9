"""Trials: has the challenger, scored beside the champion, been shown to be better or worse?

Belongs here: losses that are bounded before labels are known, a confidence sequence on them, the
verdict and its page. Does not belong here: which batches count (`engine/recipes/trial`), what
follows from a verdict (an effect).
"""
