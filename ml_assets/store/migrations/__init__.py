"""One revision for each store format: how a state becomes it from the one before."""
