"""What the service was asked and what it answered, written down before the answer goes out.

Belongs here: from a reply to a line of a log. Does not belong here: the files
(`store/segments`), sealing a day (`engine/sealing`), HTTP.
"""
