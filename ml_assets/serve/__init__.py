"""A released or candidate model as something that answers for raw rows or feature rows."""
