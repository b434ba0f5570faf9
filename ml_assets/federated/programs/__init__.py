"""Programs that run in Flower's environment beside its own: `keys` and `node`."""
