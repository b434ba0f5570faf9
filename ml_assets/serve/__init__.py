"""Loads a model in a fresh process and serves its predictions, for the gate's parity check."""
