"""Actions on a Dask cluster: a scheduler and workers that are processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

from ml_assets.children.ports import free_port
from ml_assets.engine.runners.cluster import address_of
from ml_assets.errors import HomeError
from ml_assets.workspace import DASK, locate
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.engine.clusters import (
    LONG,
    SCHEDULER,
    Cluster,
    cluster,
    digests,
    made_by_workers,
    objects,
    wait,
)
from ml_assets_tests.prepared import prepared_site
from ml_assets_tests.projects import MONTHS, Toy

SITE = Path(json.__file__).parent


def test_the_same_digests_whatever_ran_where_though_all_workers_are_killed(
    toy: Toy, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    toy.land_all()
    toy.close()
    shell = Shell(toy.root)
    with cluster(tmp_path / "cluster") as dask:
        supervisor = dask.workers(2)
        run = shell.start("run", "--json", more={DASK: dask.address})
        landed = objects(shell)
        wait(lambda: objects(shell) > landed + 2 and len(_workers(supervisor)) == 2)
        first = _workers(supervisor)
        # What only they could run is sent to others.
        for worker in first:
            worker.kill()
        out, err = run.communicate(timeout=LONG)
        assert run.returncode == 0, err
        assert f"actions run on {dask.address}" in err
        assert json.loads(out)["success"]
        # Nannies have started others in their place.
        wait(lambda: len(_workers(supervisor)) == 2 and not {*first} & {*_workers(supervisor)})
    assert made_by_workers(shell) > 20
    assert shell.json("plan")["run"] == []
    with prepared_site(tmp_path_factory, "alone") as alone:
        assert digests(shell) == digests(alone)


def test_without_its_scheduler_a_run_goes_on_alone(toy: Toy, tmp_path: Path) -> None:
    for month in MONTHS[:3]:
        toy.land("prices", month)
    toy.close()
    shell = Shell(toy.root)
    with cluster(tmp_path / "cluster") as dask:
        dask.workers(1)
        _listening(dask)
        landed = objects(shell)
        run = shell.start("run", "prices/cleaned", "--json", more={DASK: dask.address})
        # The sources, what is asked of each worker, and one that was made.
        wait(lambda: objects(shell) > landed + 2 or run.poll() is not None)
        dask.processes[0].kill()
        out, err = run.communicate(timeout=LONG)
    assert run.returncode == 0, err
    assert json.loads(out)["success"]
    with shell.store() as home:
        assert len(home.records.held(home.env, "prices/cleaned")) == 3


def test_workers_that_end_are_started_again(tmp_path: Path) -> None:
    with cluster(tmp_path / "cluster") as dask:
        _listening(dask)
        supervisor = dask.workers(1)
        wait(lambda: dask.log(0).count("Register worker") == 1)
        (nanny,) = psutil.Process(supervisor.pid).children()
        nanny.kill()
        wait(lambda: dask.log(0).count("Register worker") == 2)
        assert "the Dask workers ended with code -9; they are started again" in dask.log(1)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(LONG) == 0


def _workers(supervisor: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the processes in which actions run: below the nanny."""
    with contextlib.suppress(psutil.NoSuchProcess):
        nannies = psutil.Process(supervisor.pid).children()
        return [p for n in nannies for p in n.children() if "spawn_main" in " ".join(p.cmdline())]
    return []


UNUSABLE = {
    "tcp://127.0.0.1:9": "no Dask scheduler answers at tcp://127.0.0.1:9",
    "tls://127.0.0.1:9": "are distributed.comm.tls.ca-file and client.cert",
    "tcp://192.0.2.7:8786": "is not on this machine and has no TLS",
    "scheduler:8786": "wanted tls://HOST:PORT",
    "tcp://127.0.0.1": "wanted tls://HOST:PORT",
}


def test_a_scheduler_that_cannot_be_used(toy: Toy) -> None:
    toy.land("prices", MONTHS[0])
    toy.close()
    shell = Shell(toy.root)
    for address, message in UNUSABLE.items():
        shell.more = {DASK: address}
        answer = shell("run", code=2)
        assert message in answer.err
        assert "Traceback" not in answer.err
    shell.more = {}
    assert shell.json("run", "prices/raw")["success"]


def test_a_scheduler_of_another_version(toy: Toy, tmp_path: Path) -> None:
    toy.land("prices", MONTHS[0])
    toy.close()
    patch = "import distributed.versions as v; old = v.get_package_info; "
    patch += "v.get_package_info = lambda names: {**old(names), 'distributed': '2020.1.0'}"
    with cluster(tmp_path / "cluster", patch) as dask:
        _listening(dask)
        shell = Shell(toy.root)
        shell.more = {DASK: dask.address}
        answer = shell("run", code=2)
    assert f"{dask.address} has distributed 2020.1.0, and here it is" in answer.err


def _certified(folder: Path, days: int) -> dict[str, str]:
    """Return Dask's settings with a certificate of its own for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / f"{days}.pem", folder / f"{days}.key"
    pem.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    begin = "DASK_DISTRIBUTED__COMM__TLS__"
    settings = {f"{begin}CA_FILE": str(pem)}
    for part in ("SCHEDULER", "WORKER", "CLIENT"):
        settings |= {f"{begin}{part}__CERT": str(pem), f"{begin}{part}__KEY": str(secret)}
    return settings


def test_certificates_are_asked_for_and_must_be_valid(tmp_path: Path) -> None:
    good, old = _certified(tmp_path, 9), _certified(tmp_path, -1)
    ask = "import sys; from ml_assets.engine.runners.cluster import connect; "
    ask += "c = connect(sys.argv[1]); print(c.address); c.close()"
    folder, port = tmp_path / "cluster", free_port()
    folder.mkdir()
    dask = Cluster(f"tls://127.0.0.1:{port}", folder)
    words = [*SCHEDULER, "--protocol", "tls", "--host", "127.0.0.1", "--port", str(port)]
    try:
        dask.start(words, **good)
        _listening(dask)
        for settings in (good, old, {}):
            done = subprocess.run(
                [sys.executable, "-c", ask, dask.address],
                env={**os.environ, **settings},
                capture_output=True,
                text=True,
                check=False,
            )
            if settings is good:
                assert done.stdout.strip() == dask.address, done.stderr
                continue
            assert f"no Dask scheduler answers at {dask.address}" in done.stderr
            assert "client.key set, and valid?" in done.stderr
    finally:
        dask.stop()


def _listening(dask: Cluster) -> None:
    wait(lambda: "Scheduler at" in dask.log(0))


def test_workers_that_have_other_libraries_are_refused_by_name(toy: Toy, tmp_path: Path) -> None:
    toy.land("prices", MONTHS[0])
    toy.close()
    shell = Shell(toy.root)
    packages = next(Path(p) for p in sys.path if p.endswith("site-packages"))
    without, other = tmp_path / "without", tmp_path / "other"
    for folder in (without, other):
        folder.mkdir()
    for path in packages.iterdir():
        if not path.name.startswith(("ml_assets", "__editable__")):
            (without / path.name).symlink_to(path)
    fake = other / "pandas-1.0.dist-info"
    fake.mkdir()
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: pandas\nVersion: 1.0\n")
    root = str(Path(__file__).parents[2])
    with cluster(tmp_path / "cluster") as dask:
        _listening(dask)
        words = ["-m", "distributed.cli.dask_worker", dask.address, "--nthreads", "1"]
        words += ["--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        dask.start([sys.executable, "-S", *words], PYTHONPATH=str(without))
        dask.start([sys.executable, *words], PYTHONPATH=os.pathsep.join([str(other), root]))
        wait(lambda: dask.log(0).count("Register worker") == 2)
        shell.more = {DASK: dask.address}
        answer = shell("run", code=2)
        assert "can be used: tcp://127.0.0.1:" in answer.err
        assert "ml_assets not installed (wanted 0.1.0)" in answer.err
        assert "pandas 1.0 (wanted " in answer.err
        dask.workers(1)
        wait(lambda: dask.log(0).count("Register worker") == 3)
        answer = shell("run", "prices/raw")
        assert "Dask workers that are not used: tcp://127.0.0.1:" in answer.err


def test_the_project_can_name_the_scheduler(toy: Toy) -> None:
    path = toy.root / "pyproject.toml"
    text = path.read_text()
    assert locate(toy.root, {}).runner == ""
    path.write_text(f"{text}\n[tool.ml_assets]\nrunner = 'tls://scheduler:8786'\n")
    assert locate(toy.root, {}).runner == "tls://scheduler:8786"
    assert locate(toy.root, {DASK: ""}).runner == ""
    path.write_text(f"{text}\n[tool.ml_assets]\nrunners = 3\n")
    with pytest.raises(HomeError, match=r"takes only runner = .*; got runners"):
        locate(toy.root, {})


def test_an_address_is_of_this_machine_or_has_tls() -> None:
    for good in ("tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:1", "tls://far:8786"):
        assert address_of(good) == good
    for wrong in ("tcp://10.0.0.1:8786", "ucx://localhost:1", "tcp://localhost:x", ""):
        with pytest.raises(HomeError):
            address_of(wrong)
