"""Turns specs into results: recipes, plans, runs."""
