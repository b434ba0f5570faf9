"""Why two versions of a model differ: data, code, spec and environment, each by its share."""
