"""Child processes that answer requests, a line of JSON each way.

Does not belong here: what any of them is asked, servers (which have pages of their own).
"""
