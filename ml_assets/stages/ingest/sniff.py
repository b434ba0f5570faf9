"""The format of a landed file, from its first bytes and never from its name.

Belongs here: gzip, Parquet's mark, formats that we do not read, encodings.
Does not belong here: records.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib

from ml_assets.stages.ingest.source import Unreadable

GZIP, PARQUET, ZIP, OLE = b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""The name of a part that a workbook with a password has."""
OTHERS = {
    ZIP: "a zip archive; unpack it",
    OLE: "an old Excel workbook or another of Office's old formats; save it as .xlsx",
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
WANTED = "wanted CSV or JSON Lines (both may be gzipped), Parquet or Excel (.xlsx)"
JSON_LINES, JSON_ARRAY = re.compile(rb'\s*\{\s*["}]'), re.compile(rb"\s*\[\s*\{")


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
    if landed.startswith(OLE) and ENCRYPTED in landed:
        raise Unreadable(
            "excel", "the workbook has a password; save it without one and deliver it again"
        )
    if is_workbook(landed):
        return landed
    for mark, what in OTHERS.items():
        if landed.startswith(mark):
            raise Unreadable("format", f"the file is {what}; {WANTED}")
    return landed


def is_workbook(content: bytes) -> bool:
    """Return whether a file is an Excel workbook, whole or not."""
    return content.startswith(ZIP) and b"[Content_Types].xml" in content and b"xl/" in content


def is_json_lines(text: bytes) -> bool:
    """Return whether a text's first record is a JSON object; Unreadable if it is an array."""
    if JSON_ARRAY.match(text):
        raise Unreadable("format", f"the file is one JSON array; {WANTED}: an object a line")
    return JSON_LINES.match(text) is not None


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
