"""The format of a landed file, from its first bytes and never from its name.

Belongs here: gzip, Parquet's mark, formats that we do not read, encodings.
Does not belong here: records.
"""

from __future__ import annotations

import codecs
import gzip
import zlib

from ml_assets.stages.ingest.source import Unreadable

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"ARROW1": "an Arrow file",
    b"ORC": "an ORC file",
    b"\x89PNG": "an image",
    b"\x7fELF": "an executable",
}
BOM = b"\xef\xbb\xbf"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
REPLACED = "\N{REPLACEMENT CHARACTER}".encode()
WANTED = "wanted CSV, gzipped CSV or Parquet"


def unpacked(landed: bytes) -> bytes:
    """Return the bytes, decompressed from gzip; Unreadable for formats that are not supported."""
    if landed.startswith(GZIP):
        try:
            landed = gzip.decompress(landed)
        except (EOFError, OSError, zlib.error) as error:
            raise Unreadable(
                "gzip",
                f"the gzip file is damaged or truncated ({error}); none of it was used; "
                "deliver it again",
            ) from None
    if not landed.removeprefix(BOM).strip():
        raise Unreadable(
            "empty",
            f"the file is empty ({len(landed)} bytes); wanted at least a header; deliver it again",
        )
    for mark, what in OTHERS.items():
        if landed.startswith(mark):
            raise Unreadable("format", f"the file is {what}; {WANTED}")
    return landed


def as_utf8(content: bytes, encoding: str) -> tuple[bytes, bool]:
    """Return text in UTF-8 without BOM, and whether some bytes were not in `encoding`.

    Such bytes become U+FFFD, so that only their records are lost. Unreadable if the whole text is
    in another encoding.
    """
    named = codecs.lookup(encoding).name
    if content.startswith(UTF16) and not named.startswith(("utf-16", "utf-32")):
        raise Unreadable(
            "encoding",
            f"the file is UTF-16, wanted {encoding}; save it as UTF-8 or set landing.encoding",
        )
    if named in ("utf-8", "utf-8-sig", "ascii"):
        content = content.removeprefix(BOM)
        if content.isascii():
            return content, False
    try:
        return content.decode(encoding).removeprefix("\ufeff").encode(), False
    except UnicodeDecodeError:
        return content.decode(encoding, "replace").removeprefix("\ufeff").encode(), True
    except UnicodeEncodeError:
        raise Unreadable("encoding", f"the file is not text in {encoding}") from None
