"""The Dagster asset graph: with definitions.py and components.py all code that imports dagster.

Belongs here: factories, the sensor, publishing what the store holds, running jobs.
Does not belong here: what is computed, and when (`engine`).
"""
