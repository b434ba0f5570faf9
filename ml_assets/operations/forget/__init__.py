"""Legal deletion: rows removed from everything that holds them, a tombstone left."""
