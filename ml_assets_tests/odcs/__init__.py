"""Tests of contracts in the Open Data Contract Standard."""
