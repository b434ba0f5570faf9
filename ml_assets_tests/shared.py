"""Servers that machines share: a Postgres cluster and an S3 server, each in a temporary folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
import s3fs
from upath import UPath

from ml_assets.children.ports import free_port
from ml_assets.errors import DamagedObject
from ml_assets.operations.gc import collect, garbage
from ml_assets.store.home import Home
from ml_assets.store.remote import translated

PASSWORD = "not/to:be@shown"
OWNER = "nobody"
"""Postgres refuses to run as root."""


@dataclass
class Cluster:
    """A running Postgres; `url` makes a new empty database."""

    folder: Path
    port: int
    made: list[str] = field(default_factory=list)

    def url(self) -> str:
        """Make a database and return its URL, by socket."""
        name = f"home{len(self.made)}"
        self.made.append(name)
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy".encode())
        return self._url(name)

    def empty(self) -> str:
        """Empty one database and return its URL: quicker than a new one."""
        if not self.made:
            return self.url()
        with psycopg.connect(self._conninfo(self.made[0]), autocommit=True) as db:
            names = "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public'"
            (tables,) = db.execute(names).fetchone() or (None,)
            if tables:
                db.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
        return self._url(self.made[0])

    def _url(self, database: str) -> str:
        return f"postgresql://tester@/{database}?host={self.folder}&port={self.port}"

    def _conninfo(self, database: str) -> str:
        return f"host={self.folder} port={self.port} user=tester dbname={database}"


@contextmanager
def postgres() -> Iterator[Cluster]:
    """Start a cluster of Debian's newest Postgres, without fsync; over TCP it wants a password."""
    found = list(Path("/usr/lib/postgresql").glob("*/bin"))
    assert found, "no Postgres server here: install Debian's `postgresql`; `make test` does"
    programs = max(found, key=lambda path: int(path.parent.name))
    # Short: a socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    user = OWNER if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    data, secret, port = folder / "data", folder / "secret", free_port()
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    initdb = ["-D", data, "-U", "tester", "--pwfile", secret, "--no-sync", "-E", "UTF8"]
    initdb += ["--auth-local=trust", "--auth-host=scram-sha-256", "--locale=C"]
    subprocess.run([programs / "initdb", *initdb], check=True, capture_output=True, user=user)
    settings = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB"}
    settings |= {"unix_socket_directories": str(folder), "listen_addresses": "127.0.0.1"}
    options = [f"--{name}={value}" for name, value in settings.items()]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), *options],
            stdout=log,
            stderr=log,
            user=user,
        )
    try:
        cluster = Cluster(folder, port)
        _await(server, lambda: psycopg.connect(cluster._conninfo("postgres")).close())
        yield cluster
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
        shutil.rmtree(folder)


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """Start an S3 server with a bucket `team`; return what its clients have in the environment."""
    weed = Path(sys.executable).with_name("weed")
    with tempfile.TemporaryDirectory(prefix="s3-") as name:
        folder = Path(name)
        keys = {"accessKey": "key", "secretKey": "secret"}
        who = {"name": "tester", "credentials": [keys], "actions": ["Admin", "Read", "Write"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [who]}))
        ports = {kind: free_port() for kind in ("master", "volume", "filer", "s3")}
        words = ["server", "-ip=127.0.0.1", "-s3", f"-dir={folder}", "-volume.max=4"]
        words += ["-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=0"]
        words += [f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        for kind, port in ports.items():
            words += [f"-{kind}.port={port}", f"-{kind}.port.grpc={free_port()}"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [weed, *words],
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, "TMPDIR": name},
            )
        environ = {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}",
        }
        try:
            _await(server, lambda: _bucket(environ))
            yield environ
        finally:
            server.kill()
            server.wait(20)


def _bucket(environ: dict[str, str]) -> None:
    fs = s3fs.S3FileSystem(
        key=environ["AWS_ACCESS_KEY_ID"],
        secret=environ["AWS_SECRET_ACCESS_KEY"],
        endpoint_url=environ["AWS_ENDPOINT_URL"],
        skip_instance_cache=True,
        config_kwargs={"retries": {"max_attempts": 1}},
    )
    with translated(UPath("s3://team")):
        if not fs.exists("team"):
            fs.mkdir("team")
        fs.pipe("team/probe", b"x")
        fs.rm("team/probe")


def _await(server: subprocess.Popen[bytes], try_: Callable[[], None]) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert server.poll() is None, f"{server.args} ended with {server.returncode}"
        try:
            return try_()
        except (psycopg.OperationalError, OSError):
            assert time.monotonic() < deadline, f"{server.args} does not answer"
            time.sleep(0.1)


TABLE = pa.table({"x": [1, None, 3]})


def try_objects(home: Home) -> None:
    """Put, read, damage and collect objects; a new home is left without any."""
    ref = home.objects.put(TABLE)
    assert home.objects.put(TABLE) == ref
    other = home.objects.put(b"bytes").digest
    assert home.objects.table(ref.digest).equals(TABLE)
    assert home.objects.missing([ref.digest, "d1:0", other]) == ["d1:0"]
    home.objects.path(ref.digest).write_bytes(b"cut")
    with pytest.raises(DamagedObject, match=r"is damaged: .* holds 3 bytes"):
        home.objects.read(ref.digest)
    assert home.objects.missing([ref.digest]) == [ref.digest]
    home.objects.put(TABLE)
    home.objects.path(other).unlink()
    with pytest.raises(DamagedObject, match="is missing"):
        home.objects.read(other)
    assert [file.digest for file in home.objects.files()] == [ref.digest]
    found = garbage(home, keep=1)
    assert set(found.objects) == {ref.digest, other}
    collect(home, found)
    assert list(home.objects.files()) == []
