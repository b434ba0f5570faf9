"""Child processes that answer requests, with one line of JSON in each direction.

Does not belong here: the content of requests, web servers.
"""
