"""Datasets as contracts of the Open Data Contract Standard, and contracts as datasets."""
