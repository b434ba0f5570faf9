"""Legal deletion: removes rows from everything that contains them, and leaves a tombstone."""
