"""The services of compose.yaml as processes, each on a host of its own: no containers, no images.

A host has a network namespace with an interface in each network of its service, a hosts file with
the names that it can reach there, a name and process ids of its own. Its root is read-only: this
system's programs, this Python as /opt/app, what the Dockerfile copies, and the service's volumes.
Needs root. All of it is in namespaces of one process, and is gone when that ends.
"""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from ml_assets_tests.deploy.parts import DEPLOY, filled
from ml_assets_tests.processes import ROOT

USER = "10001"
PATIENCE = 900.0
"""Seconds within which what is waited for must happen, on a busy machine."""
CONTENT = {Path(sys.prefix): "/opt/app", ROOT: str(ROOT), Path(sys.base_prefix): sys.base_prefix}
"""What a host sees of Python, wherever it is here; scripts lead to where they were installed."""
HOST = """\
set -eu
hostname {name}
mount --make-rprivate /
mount -t tmpfs -o mode=755 root {root}
cd {root}
for folder in bin sbin lib lib64 usr etc dev; do
  [ ! -e /$folder ] || if [ -L /$folder ]; then cp -a /$folder $folder
    else mkdir $folder; mount --rbind /$folder $folder; fi
done
mkdir -p proc tmp run opt .{folder}
mount -t proc proc proc
mount -t tmpfs -o size=1m run run
ln -s {postgres} opt/postgresql
for file in passwd hosts; do mount --bind {files}/$file etc/$file; done
{mounts}
mount -o remount,ro {root}
cd /
exec chroot {root} {command}
"""


def why_not() -> str | None:
    """Return why hosts cannot be made here, None if they can."""
    if find_spec("dagster_postgres") is None:
        return "dagster-postgres is of the new lock: `make test` installs it"
    if os.geteuid() != 0:
        return "hosts are network namespaces, which root alone can make"
    words = ["unshare", "--mount", "--net", "--pid", "--uts", "--fork", "true"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stderr.strip() or None if done.returncode else None


def until(what: Callable[[], Any], every: float = 0.3, why: Callable[[], str] = str) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s; {why()}"
        time.sleep(every)
    return found


class Hosts:
    """compose.yaml in a folder, and the hosts of its services; `values` are added to its .env."""

    def __init__(self, folder: Path, values: Mapping[str, str]) -> None:
        self.folder = folder
        shutil.copytree(
            DEPLOY, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("secrets")
        )
        subprocess.run(["bash", folder / "secrets.sh", "example.test"], check=True)
        lines = (folder / ".env").read_text().splitlines()
        self.values = {**dict(re.findall(r"^(\w+)=(.*)$", "\n".join(lines), re.M)), **values}
        self.compose = yaml.safe_load((folder / "compose.yaml").read_text())
        self.services: dict[str, Any] = self.compose["services"]
        self.networks = list(self.compose["networks"])
        self.running: dict[str, Running] = {}
        self._switch: subprocess.Popen[bytes] | None = None

    @contextmanager
    def open(self) -> Iterator[Hosts]:
        """Make the networks, which have a bridge each; end everything at the end."""
        (self.folder / "passwd").write_text(
            f"{Path('/etc/passwd').read_text()}app:x:{USER}:{USER}::/tmp:/bin/sh\n"
        )
        # It ends with this process, however that ends.
        words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid"]
        words += ["--fork", "--kill-child", "--mount-proc"]
        make = "mount -t tmpfs run /run && echo ready && exec sleep infinity"
        self._switch = subprocess.Popen([*words, "sh", "-c", make], stdout=subprocess.PIPE)
        try:
            assert self._switch.stdout is not None
            assert self._switch.stdout.readline() == b"ready\n"
            for number, network in enumerate(self.networks):
                self.root("ip", "link", "add", network, "type", "bridge")
                self.root("ip", "addr", "add", f"10.77.{number}.1/24", "dev", network)
                self.root("ip", "link", "set", network, "up")
            yield self
        finally:
            for one in self.running.values():
                one.stopped = True
            self._switch.kill()
            self._switch.wait()
            assert self._switch.stdout is not None
            self._switch.stdout.close()
            for one in self.running.values():
                one.join()

    @cached_property
    def _first(self) -> str:
        """The process whose namespaces hold the networks: below `unshare`."""
        assert self._switch is not None
        pid = self._switch.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]

    def entered(self, *words: str) -> list[str]:
        """Return a command that runs where the hosts are, as root and on none of them."""
        return ["nsenter", "--target", self._first, "--mount", "--net", "--pid", *words]

    def root(self, *words: str) -> str:
        """Run a command where the hosts are; return what it printed."""
        done = subprocess.run(self.entered(*words), capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Let this thread make its connections in the networks, as a person beside the proxy."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/proc/thread-self/ns/net").open() as own:
            with Path(f"/proc/{self._first}/ns/net").open() as there:
                assert libc.setns(there.fileno(), 0) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert libc.setns(own.fileno(), 0) == 0

    def address(self, name: str, network: str) -> str:
        """Return the address of a host in a network."""
        return f"10.77.{self.networks.index(network)}.{10 + list(self.running).index(name)}"

    def start(self, services: Mapping[str, str]) -> None:
        """Start hosts (name -> service), each when what it depends on is as it asks for."""
        for name, service in services.items():
            self.running[name] = Running(self, name, service)
        for one in self.running.values():
            one.link()
        for one in self.running.values():
            one.start()
        for one in self.running.values():
            one.ready()


class Running(threading.Thread):
    """A host, and the process of its service, which is started again whenever it ends."""

    def __init__(self, hosts: Hosts, name: str, service: str) -> None:
        super().__init__(name=name, daemon=True)
        self.hosts, self.service = hosts, hosts.services[service]
        self.process: subprocess.Popen[bytes] | None = None
        self.stopped = False
        self._asking = threading.Lock()
        self.log = hosts.folder / f"{name}.log"

    def link(self) -> None:
        """Give the host its name space, its addresses and the names of others."""
        root, name = self.hosts.root, self.name
        root("ip", "netns", "add", name)
        root("ip", "-n", name, "link", "set", "lo", "up")
        for number, network in enumerate(self.service["networks"]):
            end = f"{name[:10]}-{number}"
            root("ip", "link", "add", end, "type", "veth", "peer", f"eth{number}", "netns", name)
            root("ip", "link", "set", end, "master", network, "up")
            address = f"{self.hosts.address(name, network)}/24"
            root("ip", "-n", name, "addr", "add", address, "dev", f"eth{number}")
            root("ip", "-n", name, "link", "set", f"eth{number}", "up")
        (self.hosts.folder / f"{name}.d").mkdir()
        lines = ["127.0.0.1 localhost"]
        for other in self.hosts.running.values():
            for network in self.service["networks"]:
                if network in other.service["networks"]:
                    lines.append(f"{self.hosts.address(other.name, network)} {other.name}")
                    break
        (self.hosts.folder / f"{name}.d" / "hosts").write_text("\n".join([*lines, ""]))
        shutil.copy(self.hosts.folder / "passwd", self.hosts.folder / f"{name}.d" / "passwd")

    def cut(self, state: str = "down") -> None:
        """Take the host's links down, or `up` again."""
        for number in range(len(self.service["networks"])):
            self.hosts.root("ip", "-n", self.name, "link", "set", f"eth{number}", state)

    def run(self) -> None:
        """Wait for what the service depends on, then keep its process running."""
        for other, wanted in self.service.get("depends_on", {}).items():
            assert wanted == {"condition": "service_healthy"}
            self.hosts.running[other].ready()
        while not self.stopped:
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(self._words(), stdout=log, stderr=log)
            self.process.wait()
            time.sleep(1)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the service's first process a signal; all others end with it."""
        os.kill(int(self._pid()), number)

    def ready(self) -> None:
        """Wait until the service's own check of its health says that it is well."""
        kind, *words = self.service.get("healthcheck", {"test": ["CMD", "true"]})["test"]
        assert kind == "CMD"
        # Some checks take seconds: those who wait do not all ask.
        with self._asking:
            until(
                lambda: self.stopped or self.ask(*words).returncode == 0,
                why=lambda: f"{self.name}: {self.said()[-3000:]}",
            )

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the running service, as `podman-compose exec` does."""
        try:
            enter = ["nsenter", "--target", self._pid(), "--all", "--root", "--wd"]
        except (OSError, IndexError):
            return subprocess.CompletedProcess(words, 1, "", "it is not running")
        whole = [*enter, *self._as_user(words)]
        return subprocess.run(whole, capture_output=True, text=True, check=False)

    def said(self) -> str:
        """Return what the service said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _pid(self) -> str:
        """Return, as this system numbers them, the first process of the host."""
        pid = str(self.process.pid if self.process is not None else 0)
        # nsenter, its child; unshare's child is the first of the host's.
        for _ in range(2):
            pid = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
        return pid

    def _image(self) -> str:
        """Return the Dockerfile's text of the service's image and of what it is made from."""
        text = (self.hosts.folder / "Dockerfile").read_text()
        parts = re.split(r"^FROM (\S+) AS (\w+)$", text, flags=re.M)[1:]
        stages = {name: (base, said) for base, name, said in zip(*[iter(parts)] * 3, strict=True)}
        found, name = "", re.split("[/:]", filled(self.service["image"], self.hosts.values))[2]
        while name in stages:
            name, said = stages[name]
            found = said + found
        return found

    def environ(self) -> dict[str, str]:
        """Return the environment of the service's processes."""
        image = self._image().replace("\\\n", " ")
        found = dict(
            word.split("=", 1)
            for line in re.findall(r"^ENV (.*)$", image, re.M)
            for word in shlex.split(line)
        )
        for file in self.service.get("env_file", []):
            lines = (self.hosts.folder / file).read_text().splitlines()
            found |= dict(line.split("=", 1) for line in lines)
        given = self.service.get("environment", {})
        return found | {name: filled(value, self.hosts.values) for name, value in given.items()}

    def _as_user(self, words: Sequence[str]) -> list[str]:
        environ = [f"{name}={value}" for name, value in self.environ().items()]
        without = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--clear-groups"]
        user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", *without]
        return [*user, "env", "-i", *environ, *words]

    def _words(self) -> list[str]:
        """Return the command that makes the host's root and becomes the service there."""
        root = self.hosts.folder / f"{self.name}.root"
        root.mkdir(exist_ok=True)
        (folder,) = re.findall(r"^WORKDIR (.*)$", self._image(), re.M)[-1:] or ["/"]
        command = [filled(word, self.hosts.values) for word in self.service["command"]]
        cd = ["sh", "-c", f'cd {folder} && exec "$@"', "sh"]
        script = HOST.format(
            name=self.name,
            root=root,
            folder=folder,
            files=self.hosts.folder / f"{self.name}.d",
            postgres=max(Path("/usr/lib/postgresql").glob("*/bin")),
            mounts="\n".join(self._mounts()),
            command=shlex.join(self._as_user([*cd, *command])),
        )
        own = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        net = f"--net=/run/netns/{self.name}"
        return self.hosts.entered("nsenter", net, *own, "bash", "-c", script)

    def _mounts(self) -> Iterator[str]:
        """Yield the commands that mount what the service sees, in the folder of its root."""
        for place in self.service["tmpfs"]:
            yield f"mount -t tmpfs -o mode=1777 tmp .{place}"
        for here, there in CONTENT.items():
            if not here.is_relative_to("/usr"):
                yield f"mkdir -p .{there}; mount --bind -o ro {here} .{there}"
        for said in re.findall(r"^COPY (deploy/.*)$", self._image(), re.M):
            *files, there = said.split()
            folder = there.rstrip("/")
            # Where the system has it already, what is in it is not needed.
            yield f"mkdir -p .{folder} || true; mount -t tmpfs -o mode=755 copied .{folder}"
            for file in files:
                yield f"cp {self.hosts.folder / Path(file).name} .{folder}; chmod 755 .{folder}/*"
            if folder == "/etc/caddy":
                yield f"mkdir .{folder}/users"
        for volume in self.service.get("volumes", []):
            here, there, *options = filled(volume, self.hosts.values).split(":")
            source = self.hosts.folder / (here if here[0] in "./" else f"volumes/{here}")
            if here[0] not in "./":
                source.mkdir(parents=True, exist_ok=True)
                os.chown(source, int(USER), int(USER))
            yield f"mkdir -p .{there}; mount --bind {'-o ro ' if options else ''}{source} .{there}"
