"""From files to a guess: their dialect, what each column is, the spec that says so."""
