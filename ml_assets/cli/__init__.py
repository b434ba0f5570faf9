"""The `ml-assets` command line. Belongs here: options, wording, progress, exit codes."""
