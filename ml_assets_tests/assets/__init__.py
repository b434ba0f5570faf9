"""The registry of assets, and what follows from it."""
