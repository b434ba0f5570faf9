"""A year in production, played in minutes: `make year`.

Everything that ml_assets does is done by its own servers, as `ml-assets up` starts them. Only the
world around them is played: the clock, the traffic, the feeds, and a person on call.
"""
