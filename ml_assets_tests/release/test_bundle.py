"""A bundle from outside: any change of it is found and the file named; nothing unsafe is read."""

from __future__ import annotations

import base64
import io
import json
import os
import resource
import stat
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import BundleError, RequestError
from ml_assets.release import read as bundle_read
from ml_assets.release import score as bundle_score
from ml_assets.release.check import problems
from ml_assets.release.read import Bundle, read, unpacked
from ml_assets.release.score import score
from ml_assets.release.sign import signature_problems, signed
from ml_assets.release.verify import verify
from ml_assets.release.write import write
from ml_assets.stages.release.files import (
    ABOUT,
    SIGNATURE,
    SIGNER,
    SUMS,
    archive,
    json_file,
    sha256,
    sums,
)
from ml_assets_tests.release.bundles import files_of, released

FOLDER = "delay-v3"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two key pairs, and what is no key of ours."""
    folder = tmp_path_factory.mktemp("keys")
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for number, name in enumerate(("ours", "theirs")):
        key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        (folder / name).write_bytes(key.private_bytes(*plain))
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{name}.pub").write_bytes(public)
    locked = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (folder / "locked").write_bytes(key.private_bytes(*locked))
    rsa = generate_private_key(65537, 1024)
    (folder / "rsa").write_bytes(rsa.private_bytes(*plain))
    public = rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "rsa.pub").write_bytes(public)
    (folder / "junk").write_text("junk")
    for name in ("ours", "ours.pub"):
        body = (folder / name).read_text().splitlines()
        # Ed25519's number, 1.3.101.112, as 0.39.101.112, which is nothing's.
        der = base64.b64decode("".join(body[1:-1])).replace(b"\x2b\x65\x70", b"\x27\x65\x70")
        lines = (body[0], base64.b64encode(der).decode(), body[-1], "")
        (folder / name.replace("ours", "unknown")).write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return files_of(released())


@pytest.fixture(scope="module")
def with_signature(files: dict[str, bytes], keys: Path) -> dict[str, bytes]:
    return signed(files, keys / "ours")


def all_problems(bundle: Bundle) -> list[bundle_read.Problem]:
    return [*problems(bundle), *signature_problems(bundle, None)]


def test_what_is_written_verifies_from_directory_and_archive(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    directory, packed = write(tmp_path / "new" / "out", FOLDER, files)
    assert sorted(path.name for path in directory.iterdir()) == sorted(files)
    for path in (directory, packed):
        bundle = read(path)
        assert bundle == Bundle(FOLDER, files)
        assert all_problems(bundle) == []
    done = subprocess.run(
        ["sha256sum", "--strict", "--quiet", "-c", SUMS], cwd=directory, check=True
    )
    assert done.returncode == 0
    before = packed.stat().st_mtime_ns
    assert write(tmp_path / "new" / "out", FOLDER, files) == (directory, packed)
    assert packed.stat().st_mtime_ns == before


@dataclass(repr=False)
class Whole:
    """An archive, where the content of each file lies, and the places between."""

    content: bytes
    inside: dict[str, range]
    between: list[int]


PLACE, BIT = st.integers(0, 2**40), st.integers(0, 7)


@settings(max_examples=150)
@given(which=PLACE, place=PLACE, bit=BIT)
def test_a_flipped_bit_in_any_file_is_found_and_the_file_named(
    which: int, place: int, bit: int, with_signature: dict[str, bytes]
) -> None:
    name = sorted(with_signature)[which % len(with_signature)]
    content = bytearray(with_signature[name])
    content[place % len(content)] ^= 1 << bit
    found = all_problems(Bundle(FOLDER, {**with_signature, name: bytes(content)}))
    told = [f"{item.file} {item.said}" for item in found]
    assert any(name in line for line in told), told
    if name not in (SUMS, SIGNER):
        assert name in [item.file for item in found]


def test_every_flipped_bit_of_the_signers_key_is_found(with_signature: dict[str, bytes]) -> None:
    key = with_signature[SIGNER]
    for place in range(len(key) * 8):
        changed = bytearray(key)
        changed[place // 8] ^= 1 << place % 8
        bundle = Bundle(FOLDER, {**with_signature, SIGNER: bytes(changed)})
        assert any(SIGNER in f"{p.file} {p.said}" for p in all_problems(bundle)), place


@settings(max_examples=150)
@given(place=PLACE, bit=BIT, structure=st.booleans())
def test_a_flipped_bit_anywhere_in_the_archive_is_found(
    place: int, bit: int, structure: bool, whole: Whole
) -> None:
    size = len(whole.content)
    place = whole.between[place % len(whole.between)] if structure else place % size
    changed = bytearray(whole.content)
    changed[place] ^= 1 << bit
    name = next((n for n, span in whole.inside.items() if place in span), None)
    try:
        found = [item.file for item in all_problems(unpacked(bytes(changed), "delay.zip"))]
    except BundleError:
        assert name is None
        return
    assert found
    assert name is None or name in found


@pytest.fixture(scope="module")
def whole(with_signature: dict[str, bytes]) -> Whole:
    content = archive(FOLDER, with_signature)
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        starts = {e.filename.split("/")[1]: e.header_offset for e in source.infolist()}
    heads = {name: start + 30 + len(f"{FOLDER}/{name}") for name, start in starts.items()}
    inside = {n: range(start, start + len(with_signature[n])) for n, start in heads.items()}
    taken = {place for span in inside.values() for place in span}
    return Whole(content, inside, [n for n in range(len(content)) if n not in taken])


@pytest.mark.parametrize("tail", [b"x", b"\0" * 30])
def test_bytes_after_the_archive_or_before_it(files: dict[str, bytes], tail: bytes) -> None:
    whole = archive(FOLDER, files)
    for content in (whole + tail, tail + whole):
        (problem,) = unpacked(content, "delay.zip").problems
        assert problem.file == "delay.zip"
    assert unpacked(whole, "delay.zip").problems == []
    assert unpacked(b"junk", "delay.zip").problems[0].said.startswith("is not a readable archive")


def test_a_file_that_was_added_or_removed(files: dict[str, bytes]) -> None:
    (added,) = problems(Bundle(FOLDER, {**files, "extra.py": b""}))
    assert (added.file, added.said) == ("extra.py", f"is not listed in {SUMS}: it was added later")
    for name in files:
        rest = {k: v for k, v in files.items() if k != name}
        assert name in [item.file for item in problems(Bundle(FOLDER, rest))]


def test_a_changed_name_in_the_checksums_is_no_added_file(files: dict[str, bytes]) -> None:
    renamed = files[SUMS].replace(b"model.json", b"model.jsom")
    found = problems(Bundle(FOLDER, {**files, SUMS: renamed}))
    assert [(item.file, item.said) for item in found] == [
        (SUMS, "lists model.jsom, which provenance.json does not list"),
        (SUMS, "its line for model.json was changed; provenance.json has it"),
    ]


def test_new_checksums_for_a_changed_file_contradict_the_provenance(
    files: dict[str, bytes],
) -> None:
    changed = {**files, "model.json": b"{}"}
    changed[SUMS] = sums(changed)
    (problem,) = problems(Bundle(FOLDER, changed))
    assert (problem.file, problem.said) == (
        "provenance.json",
        "has a different digest of model.json, or none",
    )


def test_another_folder_and_another_format(files: dict[str, bytes]) -> None:
    (problem,) = problems(Bundle("delay-v4", files))
    assert problem.said == "names another release than its folder delay-v4"
    other = {**files, ABOUT: files[ABOUT].replace(b'"format": 1', b'"format": 2')}
    assert [item.file for item in problems(Bundle(FOLDER, other))] == [ABOUT]
    other[SUMS] = sums(other)
    with pytest.raises(
        RequestError, match="has format 2; this version of ml_assets reads format 1"
    ):
        problems(Bundle(FOLDER, other))
    with pytest.raises(BundleError, match=r"bundle\.json is missing or damaged"):
        _ = Bundle(FOLDER, {}).about


def zipped(*entries: tuple[str, bytes], **how: int) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", **how) as target:
        for name, content in entries:
            target.writestr(name, content)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([("delay-v3/../../evil", b"")], "entry 'delay-v3/../../evil'"),
        ([("/etc/passwd", b"")], "entry '/etc/passwd'"),
        ([("delay-v3/a/b", b"")], "entry 'delay-v3/a/b'"),
        ([("delay-v3\\a", b"")], "entry"),
        ([("delay-v3/", b"")], "entry 'delay-v3/'"),
        ([("delay-v3/.hidden", b"")], "entry"),
        ([("a/x", b""), ("b/x", b"")], "two folders: a and b"),
        ([(f"a/x{n}", b"") for n in range(101)], "101 files; a bundle has no more than 100"),
    ],
)
def test_names_that_lead_elsewhere(entries: list[tuple[str, bytes]], said: str) -> None:
    with pytest.raises(BundleError, match=said.replace("\\", "\\\\")):
        unpacked(zipped(*entries), "x.zip")


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped(("a/x", b"\0" * 2_000_000), compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 5_000
    with pytest.raises(BundleError, match="x is compressed"):
        unpacked(bomb, "x.zip")
    size = bomb.index(b"PK\1\2") + 24
    larger = bomb[:size] + (2_000_000_000).to_bytes(4, "little") + bomb[size + 4 :]
    with pytest.raises(BundleError, match=r"2,000,000,000 bytes; .* not read"):
        unpacked(larger, "x.zip")


def test_a_link_in_an_archive() -> None:
    entry = zipfile.ZipInfo("a/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as target:
        target.writestr(entry, "/etc/passwd")
    with pytest.raises(BundleError, match="link is a link"):
        unpacked(sink.getvalue(), "x.zip")


def test_links_folders_and_huge_files_in_a_directory(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    directory, packed = write(tmp_path, FOLDER, files)
    (directory / "more").symlink_to("/etc/passwd")
    with pytest.raises(BundleError, match="more is a link"):
        read(directory)
    (directory / "more").unlink()
    (directory / "more").mkdir()
    with pytest.raises(BundleError, match="more is not a file"):
        read(directory)
    (directory / "more").rmdir()
    for path in (directory / "model.json", packed):
        # A hole takes no room on the disk.
        os.truncate(path, bundle_read.LIMIT + 1)
    for path in (directory, packed):
        with pytest.raises(BundleError, match="not read"):
            read(path)
    with pytest.raises(RequestError, match="neither a bundle's directory nor its archive"):
        read(tmp_path / "nowhere")


def test_signatures(with_signature: dict[str, bytes], files: dict[str, bytes], keys: Path) -> None:
    bundle = Bundle(FOLDER, with_signature)
    assert set(with_signature) - set(files) == {SIGNATURE, SIGNER}
    assert signed(files, keys / "ours") == with_signature
    assert list(signature_problems(bundle, keys / "ours.pub")) == []
    (other,) = signature_problems(bundle, keys / "theirs.pub")
    assert (other.file, "another key" in other.said) == (SIGNER, True)
    (unsigned,) = signature_problems(Bundle(FOLDER, files), keys / "ours.pub")
    assert unsigned.said == "is missing: the bundle is not signed"
    for name in (SIGNATURE, SIGNER):
        rest = {k: v for k, v in with_signature.items() if k != name}
        (gone,) = signature_problems(Bundle(FOLDER, rest), None)
        assert gone.file == name
    forged = signed({**files, "model.json": b"{}"}, keys / "theirs")
    (problem,) = signature_problems(Bundle(FOLDER, forged), keys / "ours.pub")
    assert problem.file == SIGNER


def test_openssl_agrees(with_signature: dict[str, bytes], keys: Path, tmp_path: Path) -> None:
    directory, _ = write(tmp_path, FOLDER, with_signature)
    words = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(keys / "ours.pub")]
    words += ["-rawin", "-in", SUMS, "-sigfile", SIGNATURE]
    done = subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout, done


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "No such file"),
        ("junk", "not a private key in PEM"),
        ("unknown", "not a private key in PEM"),
        ("locked", "without a password"),
        ("rsa", "RSAPrivateKey, wanted an Ed25519 key"),
    ],
)
def test_a_bad_private_key(files: dict[str, bytes], keys: Path, name: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        signed(files, keys / name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("junk", "not a public key"),
        ("unknown.pub", "not a public key"),
        ("rsa.pub", "RSAPublicKey"),
    ],
)
def test_a_bad_public_key(
    with_signature: dict[str, bytes], keys: Path, name: str, said: str
) -> None:
    with pytest.raises(RequestError, match=said):
        list(signature_problems(Bundle(FOLDER, with_signature), keys / name))


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """Let this process write no larger file than this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [5_000, 30_000])
def test_a_disk_that_fills_leaves_nothing_behind(
    files: dict[str, bytes], tmp_path: Path, size: int
) -> None:
    with small_files(size), pytest.raises(OSError, match="too large"):
        write(tmp_path, FOLDER, files)
    assert list(tmp_path.iterdir()) == []


def test_what_has_the_name_already_is_not_overwritten(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    for name in (FOLDER, f"{FOLDER}.zip"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(RequestError, match=f"{name} already exists with other content"):
            write(tmp_path, FOLDER, files)
        assert [path.name for path in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()
    (tmp_path / FOLDER / "deep").mkdir(parents=True)
    with pytest.raises(RequestError, match="already exists with other content"):
        write(tmp_path, FOLDER, files)


def test_verify_scores_in_a_process_of_its_own(
    with_signature: dict[str, bytes], keys: Path
) -> None:
    found = verify(Bundle(FOLDER, with_signature), keys / "ours.pub", here=True)
    assert found.problems == []
    assert found.signature == "trusted"
    assert [(item.program, item.rows) for item in found.scored] == [
        ("score.py", 26),
        ("score_edge.py", 26),
    ]
    assert found.scored[0].largest == 0.0
    assert found.to_json()["verified"] is True


def resigned(files: dict[str, bytes], **changed: bytes) -> dict[str, bytes]:
    """Return files as someone who changes them and all checksums leaves them."""
    found = {**files, **{name.replace("__", "."): content for name, content in changed.items()}}
    told = json.loads(found["provenance.json"])
    told["subject"] = [
        {"name": name, "digest": {"sha256": sha256(content)}}
        for name, content in sorted(found.items())
        if name not in ("provenance.json", SUMS)
    ]
    found["provenance.json"] = json_file(told)
    found[SUMS] = sums(found)
    return found


def test_a_strangers_program_does_not_run(
    files: dict[str, bytes], keys: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    evil = f"open({str(mark)!r}, 'w')".encode()
    theirs = resigned(files, score__py=evil)
    for bundle, trusted in ((theirs, None), (signed(theirs, keys / "theirs"), keys / "ours.pub")):
        found = verify(Bundle(FOLDER, bundle), trusted)
        assert found.problems
        assert found.scored == []
    assert "was not used" in verify(Bundle(FOLDER, theirs)).problems[0].said
    assert not mark.exists()
    found = verify(Bundle(FOLDER, signed(theirs, keys / "ours")), keys / "ours.pub", here=True)
    assert mark.exists()
    assert "wrote 0 rows" in found.problems[0].said


def test_a_strangers_lock_is_not_installed(files: dict[str, bytes]) -> None:
    """A line of a lock may name an index, whose packages run what they like."""
    lock = b"--index-url http://localhost:9/simple\n" + files["requirements.txt"]
    theirs = Bundle(FOLDER, resigned(files, requirements__txt=lock))
    assert bundle_score.foreign(theirs, here=True) == []
    (problem,) = verify(theirs).problems
    assert problem.file == "requirements.txt"
    assert "was not used" in problem.said
    assert bundle_score.foreign(Bundle(FOLDER, files)) == []


def without(files: dict[str, bytes], *names: str) -> dict[str, bytes]:
    """Return files as someone who removes some and changes all checksums leaves them."""
    return resigned({name: content for name, content in files.items() if name not in names})


@pytest.mark.parametrize("name", ["model.json", "golden_predictions.csv", "score.py", "model.onnx"])
def test_a_bundle_must_hold_what_it_is_for(files: dict[str, bytes], name: str) -> None:
    (problem,) = verify(Bundle(FOLDER, without(files, name))).problems
    assert (problem.file, problem.said) == (
        name,
        "is missing and not listed, but every bundle has it",
    )


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (ABOUT, DEEP, "bundle.json is missing or damaged"),
        (ABOUT, b"[1]", "bundle.json is missing or damaged"),
        (ABOUT, b'{"format": 1}', "names no scoring programs"),
        ("promotion.json", DEEP, "does not match its hash"),
        ("promotion.json", b"[1]", "does not match its hash"),
        ("promotion.json", b'{"hash": "x", "n": NaN}', "does not match its hash"),
        ("promotion.json", b'{"hash": "x", "n": "\\ud800"}', "does not match its hash"),
        ("provenance.json", DEEP, "has a different digest"),
        ("provenance.json", b'{"subject": 3}', "has a different digest"),
    ],
    ids=lambda value: value[:12].decode(errors="replace") if isinstance(value, bytes) else "",
)
def test_documents_made_to_break_a_reader(
    files: dict[str, bytes], name: str, content: bytes, said: str
) -> None:
    theirs = resigned(files)
    theirs[name] = content
    if name != "provenance.json":
        theirs = resigned(theirs)
    theirs[SUMS] = sums(theirs)
    try:
        found = "; ".join(f"{item.file} {item.said}" for item in problems(Bundle(FOLDER, theirs)))
    except BundleError as error:
        found = str(error)
    assert said in found


def test_a_promotion_that_was_rewritten_with_all_checksums(files: dict[str, bytes]) -> None:
    entry = {**json.loads(files["promotion.json"]), "reason": "because"}
    theirs = resigned(files, promotion__json=json_file(entry))
    (problem,) = problems(Bundle(FOLDER, theirs))
    assert (problem.file, problem.said) == (
        "promotion.json",
        "does not match its hash",
    )


def test_a_model_that_predicts_otherwise(files: dict[str, bytes]) -> None:
    lines = files["golden_predictions.csv"].decode().splitlines()
    lines[1] = repr(float(lines[1]) + 1e-6)
    scored, found = score(
        Bundle(FOLDER, {**files, bundle_score.EXPECTED: ("\n".join(lines) + "\n").encode()}),
        here=True,
    )
    assert [item.file for item in found] == ["score.py", "score_edge.py"]
    said = "differs from what the server predicted by up to "
    assert all(said in item.said and "over 1e-09" in item.said for item in found)
    assert [item.rows for item in scored] == [26, 26]
    broken = {**files, "model.json": b"{}", "model.onnx": b""}
    scored, found = score(Bundle(FOLDER, broken), here=True)
    assert scored == []
    assert "exited with code 1: KeyError" in found[0].said
