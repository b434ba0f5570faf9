"""What people ask of a home, beyond a run of it."""
