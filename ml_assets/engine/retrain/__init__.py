"""Whether a change of the data trains a model now, or is deferred."""
