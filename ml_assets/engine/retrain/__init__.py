"""What is known of new data, and whether that is enough to train: evidence and policies."""
