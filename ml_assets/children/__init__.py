"""The protocol between a process and its helper process: one line of JSON in each direction.
`ports` finds a port for any process.

Processes that speak otherwise are started by `cli/tied` (servers), `cli/worker` (Dask's),
`cli/federated_demo`, `federated/flower`, `graph/sensor_plan` and `graph/pulls` (what the sensor
starts) and `release/virtualenvs`. Does not belong here: the content of requests, web servers.
"""
