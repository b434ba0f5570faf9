"""Ed25519 signatures (RFC 8032) of a bundle's SHA256SUMS, offline.

The signature is detached and raw, so openssl can verify it too. The signer's public key is among
the files, so a changed signature is detected without a key; only the caller knows whom to trust.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import RequestError
from ml_assets.release.read import Bundle, FileProblem
from ml_assets.stages.release.files import SIGNATURE, SIGNER, SUMS, sums

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEY = "ML_ASSETS_SIGNING_KEY"
"""The variable that names a private key's PEM file."""


def signed(files: Mapping[str, bytes], key: Path) -> dict[str, bytes]:
    """Return a bundle's files with the signer's public key and the signature.

    Raises RequestError if the file is not an Ed25519 private key without a password.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    try:
        private = load_pem_private_key(_read(key), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RequestError(
            f"{key}: not a private key in PEM format without a password: {error}"
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise RequestError(f"{key}: {type(private).__name__}, wanted an Ed25519 key")
    public = private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    complete = {**files, SIGNER: pem}
    complete[SUMS] = sums(complete)
    return {**complete, SIGNATURE: private.sign(complete[SUMS])}


def signature_problems(bundle: Bundle, trusted: Path | None) -> Iterator[FileProblem]:
    """Yield what is wrong with the signature; `trusted` is the public key that must have signed.

    Raises RequestError if that file is not an Ed25519 public key.
    """
    from cryptography.exceptions import InvalidSignature

    wanted = None if trusted is None else _public(_read(trusted), str(trusted))
    files = bundle.files
    if SIGNATURE not in files and SIGNER not in files:
        if wanted is not None:
            yield FileProblem(SIGNATURE, "is missing: the bundle is not signed")
        return
    lacking = [name for name in (SIGNATURE, SIGNER, SUMS) if name not in files]
    if lacking:
        yield FileProblem(lacking[0], "is missing: the signature cannot be checked")
        return
    try:
        signer = _public(files[SIGNER], SIGNER)
    except RequestError as error:
        yield FileProblem(SIGNER, str(error))
        return
    try:
        signer.verify(files[SIGNATURE], files[SUMS])
    except InvalidSignature:
        yield FileProblem(SIGNATURE, f"is not the signature of {SUMS} by {SIGNER}")
        return
    if wanted is not None and signer.public_bytes_raw() != wanted.public_bytes_raw():
        yield FileProblem(SIGNER, f"signed by another key than {trusted}")


def _public(content: bytes, name: str) -> Ed25519PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RequestError(f"{name}: not a public key in PEM format: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise RequestError(f"{name}: {type(key).__name__}, wanted an Ed25519 key")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path}: {error.strerror}; wanted a key in PEM format") from None
