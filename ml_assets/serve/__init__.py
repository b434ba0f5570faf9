"""Models that predict outside of a run: in a fresh process, from a bundle, over HTTP, on files."""
