"""Why two versions of a model differ: the shares of data, code, spec and environment."""
