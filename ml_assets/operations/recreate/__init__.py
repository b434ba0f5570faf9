"""Re-creates a version from its id alone: recorded calls, stored sources, landed bytes."""
