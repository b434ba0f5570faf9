"""Tests of what speaks to the outside."""
