"""What the system lacks: programs are missing on its search path, apt-get is a stand-in."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from ml_assets_tests.processes import ROOT

BASH = shutil.which("bash") or "bash"
APT_GET = """#!{bash}
echo "$*" >> "{log}"
for name; do
  case "$name" in
    chromium) echo > "{bin}/chromium"; chmod +x "{bin}/chromium" ;;
    libgomp1) echo 'echo "libgomp.so.1 => /lib"' > "{bin}/ldconfig" ;;
  esac
done
exit {code}
"""


@dataclass
class System:
    """A checkout, and a folder with all programs that its script can find."""

    root: Path

    @property
    def bin(self) -> Path:
        """The folder of programs."""
        return self.root / "bin"

    @property
    def asked(self) -> list[str]:
        """What apt-get was called with."""
        log = self.root / "log"
        return log.read_text().splitlines() if log.exists() else []

    def put(self, name: str, text: str) -> None:
        """Write a program."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def apt(self, code: int = 0) -> None:
        """Let there be an apt-get, and a sudo that asks nothing."""
        log = self.root / "log"
        self.put("apt-get", APT_GET.format(bash=BASH, bin=self.bin, log=log, code=code))
        self.put("sudo", f'#!{BASH}\nshift\nexec "$@"\n')
        (self.bin / "env").symlink_to(shutil.which("env") or "env")

    def __call__(self, what: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        return subprocess.run(
            [BASH, self.root / "scripts" / "system.sh", what],
            env={"PATH": str(self.bin)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Give a system that has all but what other tests take away."""
    made = System(tmp_path)
    for folder in ("bin", "scripts", ".venv"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "scripts" / "system.sh", tmp_path / "scripts")
    (tmp_path / ".venv" / ".base-installed").touch()
    made.put("make", f"#!{BASH}\n")
    made.put("chromium", f"#!{BASH}\n")
    made.put("nginx", f"#!{BASH}\n")
    made.put("caddy", f"#!{BASH}\n")
    made.put("ldconfig", f'#!{BASH}\necho "libgomp.so.1 => /lib"\n')
    return made


def _lack(system: System, *names: str) -> None:
    for name in names:
        if name == "libgomp1":
            system.put("ldconfig", f'#!{BASH}\necho "libc.so.6 => /lib"\n')
        else:
            (system.bin / name).unlink()


def test_where_nothing_is_missing_nothing_is_said_or_called(system: System) -> None:
    system.apt()
    for what in ("demo", "test"):
        done = system(what)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert system.asked == []


def test_what_is_missing_is_installed_once(system: System) -> None:
    system.apt()
    _lack(system, "chromium", "libgomp1")
    done = system("test")
    assert (done.returncode, done.stdout) == (0, "apt-get install libgomp1 chromium\n")
    flags = "install -qq -y --no-install-recommends"
    assert system.asked == ["update -qq", f"{flags} libgomp1 chromium"]
    assert system("test").stdout == ""
    assert len(system.asked) == 2


def test_the_demo_needs_no_browser(system: System) -> None:
    system.apt()
    _lack(system, "chromium")
    assert system("demo").returncode == 0
    assert system.asked == []


def test_a_new_machine_needs_python_with_venv(system: System) -> None:
    os.unlink(system.root / ".venv" / ".base-installed")
    done = system("demo")
    assert done.returncode == 1
    assert "lacks: python3.11 python3.11-venv (" in done.stderr
    system.put("python3.11", f"#!{BASH}\n")
    assert system("demo").returncode == 0


def test_elsewhere_one_line_names_all_that_is_missing(system: System) -> None:
    _lack(system, "chromium", "libgomp1", "make")
    done = system("test")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "make test needs what this system lacks: make libgomp1 chromium (" in done.stderr
    assert "sudo apt-get install make libgomp1 chromium" in done.stderr


def test_an_installation_that_fails_is_said(system: System) -> None:
    system.apt(code=100)
    _lack(system, "chromium")
    (system.bin / "chromium").mkdir()
    done = system("test")
    assert done.returncode == 1
    assert "lacks: chromium (" in done.stderr


@pytest.mark.parametrize(
    ("words", "options"),
    [([], []), (["UI=0"], ["--no-ui"]), (["FEDERATED=1"], ["--federated"])],
)
def test_make_demo_is_the_demo(words: list[str], options: list[str]) -> None:
    """The Makefile's own variables change nothing."""
    asked = ["make", "--dry-run", "demo", *words]
    # Not what this run's own make was given.
    environ = {"PATH": os.environ["PATH"]}
    done = subprocess.run(asked, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == [".venv/bin/ml-assets", "demo", *options]
