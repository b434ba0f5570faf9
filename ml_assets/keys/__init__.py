"""What a result depends on: code, specs, libraries, inputs, as the key of an action."""
