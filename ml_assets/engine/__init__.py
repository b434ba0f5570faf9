"""From specs to results: each asset's inputs, what must run, and running it."""
