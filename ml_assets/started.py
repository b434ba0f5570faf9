"""When this process began to import the package: later edits are not in what it imported.

Imported first of all (`ml_assets/__init__`). Nothing else belongs here.
"""

import time

STARTED = time.time()
"""Seconds since the epoch."""
