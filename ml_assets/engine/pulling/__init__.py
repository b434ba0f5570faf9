"""Rows of a database that land as batches (`landing.sql`).

`database` connects and reads in one snapshot; `rows` makes tables of what it gives; `touched` finds
the batches that changed; `pull` lands them. Does not belong here: what a delivery changes
(`cutting`).
"""
