"""What `deploy` holds, with the servers that it starts."""
