"""A model loaded in order to answer for rows."""
