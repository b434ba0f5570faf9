"""Flower's SuperNode that runs one program alone: node.py SHA256 OPTIONS-OF-flower-supernode…

A SuperNode runs whatever app its SuperLink sends. This one compares the app with the digest of the
site's own copy, and ends if it is another: the coordinator cannot make a site run other code.
Belongs here: that comparison. Flower's version is pinned, so its inner name is the one tested.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from flwr.supernode import start_client_internal as inner
from flwr.supernode.cli import flower_supernode

_usual = inner.get_fused_config_from_fab


def main() -> None:
    """Start the node; it ends with code 3 if the coordinator sends another program."""
    allowed = sys.argv.pop(1)

    def checked(app: bytes, run: Any) -> Any:
        got = hashlib.sha256(app).hexdigest()
        if got != allowed:
            said = f"refused: the coordinator sent the program {got[:12]}, wanted {allowed[:12]}"
            sys.stderr.write(f"{said}: it has another version of ml_assets\n")
            sys.stderr.flush()
            sys.exit(3)
        return _usual(app, run)

    inner.get_fused_config_from_fab = checked
    flower_supernode()


if __name__ == "__main__":
    main()
