"""Making a version again from its id alone: recorded calls, stored sources, landed bytes."""
