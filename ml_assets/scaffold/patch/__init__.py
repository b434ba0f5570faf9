"""What a change of the data asks of a dataset's spec, as a patch for a person to accept."""
