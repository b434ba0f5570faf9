"""`ml-assets`: what people type. Belongs here: options, wording, progress, exit codes."""
