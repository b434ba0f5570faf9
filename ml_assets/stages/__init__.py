"""Pure functions from inputs to outputs, roughly in the order of the data.

`ingest`, `clean`, `check`, `quality`; `features`, `split`, `train`, `intervals`, `evaluate`,
`paired`; `gate`, `release`; `score`, `monitor`, `trial`; `statistics`, `dummy`. Does not
belong here: the environment, the clock, randomness without a seed, files that are kept, logging,
dagster, mlflow.
"""
