"""compose.yaml, the Dockerfile and the locks say the same of what is exposed and installed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import yaml

from ml_assets_tests.deploy.parts import DEPLOY, filled, services
from ml_assets_tests.processes import ROOT

ROLES = ("viewers", "operators")


def test_only_the_proxy_is_reached_and_nothing_more_is_allowed_than_needed() -> None:
    networks = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["networks"]
    assert networks == {"inside": {"internal": True}, "pages": {"internal": True}, "outside": {}}
    found = services()
    assert [name for name, service in found.items() if "ports" in service] == ["proxy"]
    assert [name for name, service in found.items() if "outside" in service["networks"]] == [
        "proxy"
    ]
    for service in found.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"
    for name in ("worker", "scheduler"):
        assert "secrets/postgres.env" not in found[name].get("env_file", [])


def test_every_image_is_a_target_that_runs_without_rights() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    stages = re.split(r"^FROM \S+ AS (\w+)$", text, flags=re.M)
    targets = dict(zip(stages[1::2], stages[2::2], strict=True))
    used = {filled(service["image"], {}) for service in services().values()}
    assert used == {f"localhost/ml_assets/{name}:1" for name in ("app", "postgres", "s3", "proxy")}
    for image in used:
        assert targets[image.rpartition("/")[2].partition(":")[0]].rstrip().endswith("USER app")


def test_the_image_has_what_a_home_installs_and_no_other_versions() -> None:
    pins = {
        name: set(re.findall(r"^([a-z0-9._-]+(?:\[\w+\])?==\S+)", _lock(name), re.M))
        for name in ("base", "dev", "deploy")
    }
    assert len(pins["base"]) > 100
    # The tests start what containers do.
    assert pins["base"] <= pins["deploy"] <= pins["dev"]


def _lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def test_secrets_are_drawn_once_and_read_by_their_owner_alone(tmp_path: Path) -> None:
    for name in ("secrets.sh", "user.sh"):
        text = (DEPLOY / name).read_text()
        (tmp_path / name).write_text(text.replace("chown -R 10001:10001", "chmod -R go=,u+rwX"))
    drawn = []
    for _ in range(2):
        subprocess.run(["bash", tmp_path / "secrets.sh", "example.org"], check=True)
        drawn.append((tmp_path / "secrets" / "postgres.env").read_text())
    assert drawn[0] == drawn[1]
    assert re.fullmatch(r"PGPASSWORD=[0-9a-f]{48}\n", drawn[0])
    for path in (tmp_path / "secrets").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert "DOMAIN=example.org\n" in (tmp_path / ".env").read_text()

    def user(*words: str, password: str, code: int = 0) -> str:
        done = subprocess.run(
            ["bash", tmp_path / "user.sh", *words],
            input=password,
            env={**os.environ, "CADDY": "caddy"},
            text=True,
            check=False,
        )
        assert done.returncode == code
        return "".join((tmp_path / "secrets" / "users" / role).read_text() for role in ROLES)

    first = user("viewers", "vera", password="one\n")
    # Caddy takes no empty file.
    comments = [f"# {role}: a name and a hash, by deploy/user.sh\n" for role in ROLES]
    vera = first.removeprefix(comments[0]).removesuffix(comments[1])
    assert re.fullmatch(r"vera \$2a\$14\$\S{53}\n", vera)
    both = user("operators", "olga", password="two\n")
    assert both.startswith(first)
    moved = user("operators", "vera", password="three\n")
    assert [line.split()[0] for line in moved.splitlines()] == ["#", "#", "olga", "vera"]
    assert (tmp_path / "secrets" / "users" / "viewers").read_text() == comments[0]
    assert user("owners", "vera", password="", code=2) == moved
