"""One revision for each store format, which migrates a state from the previous format."""
