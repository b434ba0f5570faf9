"""Bundles of a champion outside the home: written, read, checked, signed, scored."""
