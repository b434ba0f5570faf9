"""The secret by which sensitive values are kept as HMAC: never in the home."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from ml_assets.errors import RequestError

KEY, FILE = "ML_ASSETS_REQUESTS_KEY", "ML_ASSETS_REQUESTS_KEY_FILE"
SHORTEST = 32
"""Bytes: as many as the digest has."""


def secret(home: Path, environ: Mapping[str, str] | None = None) -> bytes:
    """Return the secret; RequestError without one, or where the home holds it."""
    environ = os.environ if environ is None else environ
    wanted = f"set {FILE} to a file outside of the home, or {KEY}, to at least {SHORTEST} bytes"
    if environ.get(KEY):
        key = environ[KEY].encode()
    elif environ.get(FILE):
        path = Path(environ[FILE]).resolve()
        if path.is_relative_to(home.resolve()):
            raise RequestError(f"{path} is in the home, next to what it hides; {wanted}")
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            raise RequestError(f"{path} cannot be read: {error.strerror}; {wanted}") from None
    else:
        raise RequestError(
            f"sensitive columns of requests are stored as HMAC, which needs a secret: {wanted}"
        )
    if len(key) < SHORTEST:
        raise RequestError(f"the secret for sensitive columns has {len(key)} bytes; {wanted}")
    return key


def hashed(key: bytes, value: str) -> str:
    """Return the HMAC-SHA256 of a value, in hexadecimal digits."""
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()
