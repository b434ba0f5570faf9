"""A home without clear values of pseudonymised columns: every byte of it is searched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml_assets.engine import landing
from ml_assets.engine.cutting import folder as cutting
from ml_assets.engine.landing import observe
from ml_assets.operations import hiding
from ml_assets.store.digest import bytes_digest
from ml_assets.store.home import Home
from ml_assets.store.pseudonyms import FILE, KEY, Pseudonyms, hashed, marked
from ml_assets_tests import searching
from ml_assets_tests.asked import MADE, keep, record, sealed, write_records
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.projects import FORECAST, MONTHS, SALES, STORES, Toy, prices, sales

CLEAR = {name: f"zq{name}qz" for name in STORES}
"""Texts that stand nowhere but in the files that are delivered."""
PRICES = "toy/defs/prices/defs.yaml"
HIDDEN = "{type: category, sensitive: {keep: hmac}"
SECRET, NEXT = b"0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210"


def planted(content: bytes) -> bytes:
    """Return a file with the planted names of stores."""
    for name, clear in CLEAR.items():
        content = content.replace(f",{name},".encode(), f",{clear},".encode())
        content = content.replace(f"\n{name},".encode(), f"\n{clear},".encode())
    return content


@pytest.fixture
def shell(toy: Toy, tmp_path: Path) -> Shell:
    """Give commands on a project whose stores are pseudonyms, with files in `deliveries`."""
    hide(toy)
    (tmp_path / "key").write_bytes(SECRET)
    (tmp_path / "next").write_bytes(NEXT)
    folder = tmp_path / "deliveries"
    folder.mkdir()
    for month in MONTHS:
        (folder / f"sales-{month}.csv").write_bytes(planted(sales(month)))
        (folder / f"prices-{month}.csv").write_bytes(planted(prices(month)))
    shell = Shell(toy.root)
    shell.more = {FILE: str(tmp_path / "key")}
    return shell


def hide(toy: Toy) -> None:
    """Keep only pseudonyms of the stores."""
    for yaml in (SALES, PRICES):
        toy.edit(yaml, "store: {type: category,", f"store: {HIDDEN},")
    toy.edit(FORECAST, "slices: [store]", "slices: [promo]")


def land_all(shell: Shell, root: Path) -> None:
    for dataset in ("sales", "prices"):
        shell("land", dataset, *sorted((root / "deliveries").glob(f"{dataset}-*.csv")))


def nowhere(home: Path) -> None:
    """Check that no byte of a home holds a clear value."""
    for clear in CLEAR.values():
        assert searching.holding(home, clear) == set()


def names(shell: Shell) -> set[str]:
    with shell.store() as home:
        ref = home.records.versions("sales/cleaned", "2020-03")[-1].outputs["cleaned"]
        return set(home.objects.table(ref.digest)["store"].to_pylist())


def test_nothing_holds_a_clear_value(shell: Shell, tmp_path: Path) -> None:
    wrong = tmp_path / "deliveries" / "sales-2020-06.csv"
    lines = wrong.read_text().splitlines()
    lines[3] += f",{CLEAR['north']}"
    lines[5] = lines[5].replace(",2020", ",no day")
    wrong.write_text("\n".join(lines) + "\n")
    land_all(shell, tmp_path)
    assert shell.json("run")["success"]
    nowhere(shell.home)
    assert names(shell) == {hashed(SECRET, clear) for clear in CLEAR.values()}
    shown = shell("quarantine", "sales")
    assert "line 4: the record has 6 values, the header 5" in shown.out
    assert "line 6: day: got 'no day-06-05'" in shown.out
    for words in (("status",), ("plan",), ("why", "sales/raw"), ("pseudonyms", "show")):
        said = shell(*words)
        assert not any(clear in said.out + said.err for clear in CLEAR.values())
    assert shell.json("plan")["run"] == []
    gone = shell.json("forget", "sales", "--key", f"store={CLEAR['west']}", "--reason", "r")
    assert gone["rows"] == dict.fromkeys(MONTHS, 10) | {"2020-06": gone["rows"]["2020-06"]}
    assert shell.json("run")["success"]
    nowhere(shell.home)
    assert names(shell) == {hashed(SECRET, CLEAR[name]) for name in ("north", "south")}


def test_a_delivery_is_known_again_and_a_dropped_file_is_replaced(
    shell: Shell, toy: Toy, tmp_path: Path
) -> None:
    file = tmp_path / "deliveries" / "prices-2020-01.csv"
    folder = shell.home / "landing" / "prices"
    folder.mkdir(parents=True)
    dropped = folder / file.name
    dropped.write_bytes(file.read_bytes())
    with shell.inside():
        planner = toy.planner()
        assert observe(planner.home, planner.project, settle=0).landed == ["prices@2020-01"]
        (landed,) = planner.home.batches.landed()["prices", "2020-01"]
        assert dropped.read_bytes() == planner.home.objects.read(landed.digest)
        nowhere(shell.home)
        for content in (dropped.read_bytes(), file.read_bytes()):
            dropped.write_bytes(content)
            assert observe(planner.home, planner.project, settle=0).landed == []
        assert dropped.read_bytes() == planner.home.objects.read(landed.digest)
    shell("land", "prices", file)
    with shell.store() as home:
        assert len(home.batches.landed()["prices", "2020-01"]) == 1
        (place,) = [place for place in marked(home, "prices") if "/" not in place]
        assert place == Pseudonyms([SECRET]).of_bytes(file.read_bytes())


def test_a_key_that_is_missing_short_or_another_stores_nothing(
    shell: Shell, toy: Toy, tmp_path: Path
) -> None:
    file = tmp_path / "deliveries" / "prices-2020-01.csv"
    (tmp_path / "short").write_text("k" * 31)
    inside = shell.home / "key"
    inside.parent.mkdir(exist_ok=True)
    inside.write_bytes(SECRET)
    good = dict(shell.more)
    for more, said in (
        ({}, f"which needs a secret: set {FILE} to a file outside of the home"),
        ({KEY: "k" * 31}, "has 31 bytes"),
        ({FILE: str(tmp_path / "short")}, "has 31 bytes"),
        ({FILE: str(tmp_path / "none")}, "cannot be read: No such file"),
        ({FILE: str(inside)}, "is in the home, next to what it hides"),
    ):
        shell.more = more
        assert said in shell("land", "prices", file, code=2).err
    inside.unlink()
    nowhere(shell.home)
    assert not (shell.home / "landing" / "prices").exists()
    shell.more = good
    shell("land", "prices", file)
    shell.more = {KEY: NEXT.decode()}
    other = tmp_path / "deliveries" / "prices-2020-02.csv"
    said = shell("land", "prices", other, code=2).err
    first, second = Pseudonyms([NEXT]).fingerprint, Pseudonyms([SECRET]).fingerprint
    assert f"has the fingerprint {first}, and what is in the home was made with {second}" in said
    dropped = shell.home / "landing" / "prices" / other.name
    dropped.write_bytes(other.read_bytes())
    with shell.inside():
        planner = toy.planner()
        (problem,) = observe(planner.home, planner.project, settle=0).problems
        assert f"{first}, and what is in the home was made with {second}" in problem
        shell.more = good
    with shell.inside():
        planner = toy.planner()
        assert observe(planner.home, planner.project, settle=0).landed == ["prices@2020-02"]
    nowhere(shell.home)


def test_what_landed_before_waits_for_apply(toy: Toy, tmp_path: Path) -> None:
    shell, home = Shell(toy.root), toy.root / "data"
    folder = tmp_path / "deliveries"
    folder.mkdir()
    for month in MONTHS:
        (folder / f"sales-{month}.csv").write_bytes(planted(sales(month)))
        (folder / f"prices-{month}.csv").write_bytes(planted(prices(month)))
    land_all(shell, tmp_path)
    assert shell.json("run")["success"]
    assert searching.holding(home, CLEAR["west"]) != set()
    hide(toy)
    waiting = shell.json("plan")
    assert [c for c in waiting["run"] if c["asset"].startswith(("sales/", "prices/"))] == []
    said = shell("plan").out
    assert (
        "clear values of store are stored, which landed before: ml-assets pseudonyms apply" in said
    )
    assert "needs a secret" in shell("pseudonyms", "apply", code=2).err
    (tmp_path / "key").write_bytes(SECRET)
    shell.more = {FILE: str(tmp_path / "key")}
    dry = shell.json("pseudonyms", "apply", "--dry-run")
    assert [(item["dataset"], item["landed"]) for item in dry["datasets"]] == [
        ("prices", 6),
        ("sales", 6),
    ]
    assert shell.json("pseudonyms", "show")["clear"] == {"prices": 6, "sales": 6}
    shell("pseudonyms", "apply")
    nowhere(home)
    assert shell.json("pseudonyms", "apply")["datasets"] == []
    assert shell.json("run")["success"]
    nowhere(home)
    assert names(shell) == {hashed(SECRET, clear) for clear in CLEAR.values()}


def test_a_new_key_replaces_every_pseudonym(shell: Shell, tmp_path: Path) -> None:
    land_all(shell, tmp_path)
    assert shell.json("run", "sales/cleaned")["success"]
    old = {hashed(SECRET, clear) for clear in CLEAR.values()}
    assert names(shell) == old
    assert (
        "is a secret in use" in shell("pseudonyms", "rotate", "--to", tmp_path / "key", code=2).err
    )
    both = Pseudonyms([SECRET, NEXT])
    done = shell.json("pseudonyms", "rotate", "--to", tmp_path / "next")
    assert done["fingerprint"] == both.fingerprint
    for pseudonym in old:
        assert searching.holding(shell.home, pseudonym) == set()
    assert "was made with" in shell("land", "prices", *_months(tmp_path, "prices"), code=2).err
    shell.more = {FILE: f"{tmp_path / 'key'}:{tmp_path / 'next'}"}
    shell("land", "prices", *_months(tmp_path, "prices"))
    assert shell.json("run", "sales/cleaned")["success"]
    assert names(shell) == {both.of(clear) for clear in CLEAR.values()}
    with shell.store() as home:
        assert {len(items) for items in home.batches.landed().values()} == {1}
    gone = shell.json("forget", "prices", "--key", f"store={CLEAR['west']}", "--reason", "r")
    assert gone["rows"] == dict.fromkeys(MONTHS, 1)


def test_sealed_requests_are_rotated_and_open_ones_refused(
    toy: Toy, shell: Shell, tmp_path: Path
) -> None:
    keep(toy, "{sensitive: hmac}")
    land_all(shell, tmp_path)
    old, both = hashed(SECRET, CLEAR["west"]), Pseudonyms([SECRET, NEXT])
    asked = record("2026-03-01", "one")
    asked["rows"] = [{**asked["rows"][0], "store": old}]
    write_records(toy, "2026-03-01", [asked])
    rotate = ("pseudonyms", "rotate", "--to", tmp_path / "next")
    assert (
        "requests of forecast in dev are not sealed yet: stop its service, and ml-assets requests "
        "seal forecast --now" in shell(*rotate, code=2).err
    )
    shell("requests", "seal", "forecast", "--now")
    before = sealed(toy)["2026-03-01"]
    assert [row["store"] for row in before] == [old]
    changed = shell.json(*rotate)["datasets"]
    assert {item["dataset"]: item["landed"] for item in changed}[MADE] == 1
    # A pseudonym of the pseudonym; a request by both keys gets the same. Nothing else changed.
    assert sealed(toy)["2026-03-01"] == [{**before[0], "store": both.of(CLEAR["west"])}]
    assert searching.holding(shell.home, old) == set()
    shell.more = {FILE: f"{tmp_path / 'key'}:{tmp_path / 'next'}"}
    words = ("forget", MADE, "--key", f"store={CLEAR['west']}", "--reason", "r", "--dry-run")
    assert shell.json(*words)["rows"] == {"2026-03-01": 1}


def test_a_change_of_keys_that_was_killed_goes_on(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_all(shell, tmp_path)
    change, done = hiding.change, list[str]()

    def once(home: Home, changed: hiding.Changed) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(changed.work.dataset)
        change(home, changed)

    words = ("pseudonyms", "rotate", "--to", tmp_path / "next")
    with monkeypatch.context() as patched:
        patched.setattr(hiding, "change", once)
        shell(*words, code=130)
    said = shell("land", "prices", *_months(tmp_path, "prices"), code=2).err
    assert "a change of the secret for sensitive columns was interrupted: repeat" in said
    (tmp_path / "third").write_bytes(b"t" * 32)
    assert "give that" in shell("pseudonyms", "rotate", "--to", tmp_path / "third", code=2).err
    again = shell.json(*words)
    assert [item["dataset"] for item in again["datasets"]] == ["sales"]
    shell.more = {FILE: f"{tmp_path / 'key'}:{tmp_path / 'next'}"}
    assert shell.json("run", "sales/cleaned")["success"]
    both = Pseudonyms([SECRET, NEXT])
    assert names(shell) == {both.of(clear) for clear in CLEAR.values()}


def test_apply_keeps_a_batch_that_holds_nothing_to_hide(toy: Toy, tmp_path: Path) -> None:
    shell = Shell(toy.root)
    empty, full = tmp_path / "prices-2020-01.csv", tmp_path / "prices-2020-02.csv"
    empty.write_bytes(b"store,price\n,3\n")
    full.write_bytes(planted(prices("2020-02")))
    shell("land", "prices", empty, full)
    hide(toy)
    (tmp_path / "key").write_bytes(SECRET)
    shell.more = {FILE: str(tmp_path / "key")}
    (done,) = shell.json("pseudonyms", "apply")["datasets"]
    assert done["landed"] == 1
    with shell.store() as home:
        landed = {
            batch: [i.digest for i in items] for (_, batch), items in home.batches.landed().items()
        }
        assert landed["2020-01"] == [bytes_digest(empty.read_bytes())]
        assert home.objects.read(landed["2020-01"][0]) == empty.read_bytes()
        assert set(landed) == {"2020-01", "2020-02"}
    assert shell.json("pseudonyms", "show")["clear"] == {}
    assert shell.json("pseudonyms", "apply")["datasets"] == []


def test_a_further_column_is_hidden_without_hiding_the_first_again(
    toy: Toy, tmp_path: Path
) -> None:
    """The price becomes a pseudonym after the store, in a file that then comes once more."""
    toy.edit(PRICES, "{type: number, nullable: false, range: [0, null]}", "{type: text}")
    toy.edit(PRICES, "store: {type: category,", f"store: {HIDDEN},")
    (tmp_path / "key").write_bytes(SECRET)
    shell = Shell(toy.root)
    shell.more = {FILE: str(tmp_path / "key")}
    file = tmp_path / "prices-2020-01.csv"
    file.write_bytes(b"store,price\nnorth,3.5\n")
    shell("land", "prices", file)
    first = (shell.home / "landing" / "prices" / file.name).read_bytes()
    store, price = hashed(SECRET, "north"), hashed(SECRET, "3.5")
    assert first == f"store,price\n{store},3.5\n".encode()
    toy.edit(PRICES, "price: {type: text}", "price: {type: text, sensitive: {keep: hmac}}")
    wanted = f"store,price\n{store},{price}\n".encode()
    shell("land", "prices", file)
    shell("pseudonyms", "apply")
    with shell.store() as home:
        ((_, items),) = home.batches.landed().items()
        assert {home.objects.read(item.digest) for item in items} == {wanted}
    file.write_bytes(first)
    assert "cannot land again" in shell("land", "prices", file, code=2).err
    assert (shell.home / "landing" / "prices" / file.name).read_bytes() == wanted


def test_looking_and_refusing_choose_no_key(toy: Toy, tmp_path: Path) -> None:
    shell = Shell(toy.root)
    file = tmp_path / "prices-2020-01.csv"
    file.write_bytes(prices("2020-01"))
    shell("land", "prices", file)
    hide(toy)
    (tmp_path / "key").write_bytes(SECRET)
    (tmp_path / "next").write_bytes(NEXT)
    shell.more = {FILE: str(tmp_path / "key")}
    shell("pseudonyms", "apply", "--dry-run")
    (tmp_path / "prices-2020-02.csv").write_bytes(b"shop,price\nnorth,1\n")
    assert (
        "the column store is not there"
        in shell("land", "prices", tmp_path / "prices-2020-02.csv", code=2).err
    )
    assert shell.json("pseudonyms", "show")["fingerprint"] is None
    shell.more = {FILE: str(tmp_path / "next")}
    shell("pseudonyms", "apply")
    assert shell.json("pseudonyms", "show")["fingerprint"] == Pseudonyms([NEXT]).fingerprint


@pytest.mark.parametrize("cut", [False, True])
def test_a_delivery_that_comes_while_another_is_hidden_stays(
    shell: Shell, toy: Toy, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    if cut:
        toy.edit(
            SALES,
            "sales-(?P<batch>\\d{4}-\\d{2})\\.csv(\\.gz)?'",
            "sales.*\\.csv'\n    batch: month of day",
        )
    folder = shell.home / "landing" / "sales"
    folder.mkdir(parents=True)
    dropped = folder / "sales-2020-01.csv"
    newer = planted(sales("2020-01", extra=1.0))
    dropped.write_bytes(planted(sales("2020-01")))
    module, name = (cutting, "deliver_file") if cut else (landing, "stored")
    before = getattr(module, name)

    def meanwhile(*given: Any) -> Any:
        made = before(*given)
        if dropped.read_bytes() != newer:
            dropped.write_bytes(newer)
        return made

    monkeypatch.setattr(module, name, meanwhile)
    with shell.inside():
        planner = toy.planner()
        observe(planner.home, planner.project, settle=0)
        assert dropped.read_bytes() == newer
        observe(planner.home, planner.project, settle=0)
        assert dropped.read_bytes() != newer
        nowhere(shell.home)


def _months(tmp_path: Path, dataset: str) -> list[Path]:
    return sorted((tmp_path / "deliveries").glob(f"{dataset}-*.csv"))
