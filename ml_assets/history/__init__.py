"""The past of a home, read from its recorded actions."""
