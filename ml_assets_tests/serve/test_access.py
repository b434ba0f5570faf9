"""Who may ask: access keys, rates, the access log."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import time
from typing import Any

import pytest
from typer.testing import CliRunner

from ml_assets.cli.main import app
from ml_assets.cli.servers import example
from ml_assets.errors import RequestError, UnknownName
from ml_assets.serve.service.access import Rates
from ml_assets.serve.service.requests import Limits
from ml_assets.store.access import access_keys, add_key, revoke_key
from ml_assets_tests.asked import keep
from ml_assets_tests.projects import Toy
from ml_assets_tests.serve.serving import PREDICT, Client, serving

ASKED = {
    "rows": [{"sale": 7, "day": "2020-06-03", "store": "north", "promo": None}],
    "batch": "2020-06",
}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def status_within(client: Client, wanted: int, headers: dict[str, str]) -> float:
    """Return after how many seconds a request has a status."""
    begin = time.monotonic()
    while client.ask(PREDICT, ASKED, **headers).status != wanted:
        assert time.monotonic() < begin + 30
        time.sleep(0.02)
    return time.monotonic() - begin


def ran(command: str, **environ: str) -> Any:
    """Run a command of a shell; return the JSON document that it prints."""
    given = {**os.environ, **environ}
    done = subprocess.run(command, shell=True, env=given, capture_output=True, check=True)
    return json.loads(done.stdout)


def test_only_digests_are_stored(promoted: Toy) -> None:
    home = promoted.planner().home
    key = add_key(home, "shop", ["predict"])
    assert len(key) == 43, "256 bits in base64"
    (found,) = access_keys(home)
    assert (found.name, found.scopes, found.revoked) == ("shop", ("predict",), None)
    assert found.digest == hashlib.sha256(key.encode()).hexdigest()
    stored = b"".join(path.read_bytes() for path in promoted.root.rglob("state.db*"))
    assert found.digest.encode() in stored
    assert key.encode() not in stored


def test_wrong_names_and_scopes_are_told_at_once(promoted: Toy) -> None:
    home = promoted.planner().home
    with pytest.raises(RequestError, match=r"got the name 'A b'.*; got the scopes all, wanted"):
        add_key(home, "A b", ["all"])
    add_key(home, "shop", ["predict"])
    with pytest.raises(RequestError, match="a key shop already exists"):
        add_key(home, "shop", ["admin"])
    with pytest.raises(UnknownName, match="no access key named 'shopp'; did you mean 'shop'"):
        revoke_key(home, "shopp")
    revoke_key(home, "shop")
    with pytest.raises(RequestError, match="a key shop already exists"):
        add_key(home, "shop", ["predict"])


def test_a_key_opens_its_scopes_until_it_is_revoked(promoted: Toy) -> None:
    home = promoted.planner().home
    with serving(promoted) as client:
        assert client.ask(PREDICT, ASKED).status == 200, "without any key it is open"
        shop, watch = add_key(home, "shop", ["predict"]), add_key(home, "watch", ["metrics"])
        add_key(home, "boss", ["admin"])
        assert status_within(client, 401, {}) < 5
        refused = client.ask(PREDICT, ASKED)
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.json == {
            "error": "an access key is needed: send it as Authorization: Bearer KEY"
        }
        for path in ("/metrics", "/v1/models", "/v2/models/forecast", "/openapi.json"):
            assert client.ask(path).status == 401
        for path in ("/healthz", "/ping", "/", "/page.js", "/v2/health/ready"):
            assert client.ask(path).status == 200
        assert client.ask("/readyz").json == {"ready": True}
        assert client.ask(PREDICT, ASKED, **bearer(shop)).status == 200
        assert client.ask(PREDICT, ASKED, X_API_Key=shop).status == 200
        assert client.ask("/readyz", **bearer(shop)).json["models"]["forecast"]["version"] == "v0"
        assert client.ask("/metrics", **bearer(watch)).status == 200
        wrong = client.ask("/metrics", **bearer(shop))
        assert (wrong.status, wrong.json) == (
            403,
            {"error": "this key has the scopes predict; wanted metrics"},
        )
        assert client.ask(PREDICT, ASKED, **bearer(shop[:-1])).status == 401
        revoke_key(home, "shop")
        assert status_within(client, 401, bearer(shop)) < 5
        for name in ("watch", "boss"):
            revoke_key(home, name)
        status_within(client, 401, bearer(watch))
        assert client.ask(PREDICT, ASKED).status == 401, "it never opens again by itself"


def test_only_admin_may_follow_a_prediction(promoted: Toy) -> None:
    keep(promoted)
    home = promoted.planner().home
    with serving(promoted) as client:
        asked = client.ask(PREDICT, ASKED).json
        path = f"/v1/predictions/{asked['request_id']}"
        closed = client.ask(path)
        assert closed.status == 401, "it is closed where there are no keys"
        assert "`ml-assets keys add NAME --scope admin`" in closed.json["error"]
        shop, boss = add_key(home, "shop", ["predict"]), add_key(home, "boss", ["admin"])
        assert status_within(client, 401, {}) < 5
        status_within(client, 200, bearer(boss))
        wrong = client.ask(path, **bearer(shop))
        assert (wrong.status, wrong.json) == (
            403,
            {"error": "this key has the scopes predict; wanted admin"},
        )
        found = client.ask(path, **bearer(boss)).json
        assert found["row"]["prediction"]["prediction"] == asked["predictions"][0]["prediction"]
        assert found["version"]["version"] == asked["version"] == "v0"
        assert found["trained_on"][0]["file"] == "sales-2020-01.csv"
        assert client.ask("/v1/predictions/nothing", **bearer(boss)).status == 400
        assert client.ask(f"{path}/5", **bearer(boss)).status == 404


def test_the_access_log_has_neither_rows_nor_keys(
    promoted: Toy, caplog: pytest.LogCaptureFixture
) -> None:
    key = add_key(promoted.planner().home, "shop", ["predict"])
    with (
        caplog.at_level(logging.INFO, "ml_assets.serve.access"),
        serving(promoted, logged=True) as client,
    ):
        client.ask(f"{PREDICT}?batch=secret", ASKED, **bearer(key))
        client.ask("/v1/%0Amodels", **bearer(key))
    lines = [r.getMessage() for r in caplog.records if r.name == "ml_assets.serve.access"]
    assert [line.rpartition(" ")[0] for line in lines] == [
        f"127.0.0.1 shop POST {PREDICT} 200",
        r"127.0.0.1 shop GET /v1/\nmodels 404",
    ]


def test_too_many_rows_and_too_many_requests(promoted: Toy) -> None:
    with serving(promoted, Limits(rows=2), Rates(0.1)) as client:
        many = client.ask(PREDICT, {**ASKED, "rows": ASKED["rows"] * 3})
        assert (many.status, many.json) == (413, {"error": "wanted at most 2 rows in one request"})
        later = client.ask(PREDICT, ASKED)
        assert (later.status, later.json) == (
            429,
            {"error": "too many requests; try again later"},
        )
        assert 1 <= int(later.headers["retry-after"]) <= 10
        assert client.ask("/healthz").status == 200


def test_a_rate_is_by_client_with_bursts_of_one_second() -> None:
    clock = [100.0]
    rates = Rates(2.0, lambda: clock[0])
    assert [rates.wait("a") for _ in range(3)] == [0.0, 0.0, 0.5]
    assert rates.wait("b") == 0.0
    clock[0] += 0.5
    assert [rates.wait("a") for _ in range(2)] == [0.0, 0.5]
    clock[0] += 60.0
    assert [rates.wait("a") for _ in range(3)] == [0.0, 0.0, 0.5]


def test_the_request_that_up_prints_works_or_says_that_a_key_is_needed(promoted: Toy) -> None:
    with serving(promoted) as client:
        said = example(client.port)
        assert said is not None
        assert ran(said)["version"] == "v0"
        key = add_key(promoted.planner().home, "shop", ["predict"])
        status_within(client, 401, {})
        said = example(client.port)
        assert said is not None
        assert ran(said, KEY=key)["models"][0]["example"]["rows"]


def test_it_is_not_opened_to_other_machines_without_a_key(
    promoted: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(promoted.root)
    for listen in ("0.0.0.0", "::", "", "192.0.2.1"):
        done = CliRunner().invoke(app, ["serve", "--listen", listen])
        assert done.exit_code == 2
        assert f"--listen {listen} opens the service to other machines" in done.output
        assert "create one with `ml-assets keys add NAME`" in done.output
    done = CliRunner().invoke(app, ["serve", "--proxy", "gateway"])
    assert (done.exit_code, "wanted an address, e.g. 127.0.0.1" in done.output) == (2, True)
