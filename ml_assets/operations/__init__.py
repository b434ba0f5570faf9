"""What people can do with a home, other than run it."""
