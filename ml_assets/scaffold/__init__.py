"""What a person would write by hand: a project's files and the specs of models, with evidence."""
