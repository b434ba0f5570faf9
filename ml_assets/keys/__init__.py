"""The key of an action: a digest of the code, specs, libraries and inputs that it depends on."""
