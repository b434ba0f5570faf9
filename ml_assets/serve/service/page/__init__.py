"""The page of the service: a form for one row. Its files are served as they are, never built."""
