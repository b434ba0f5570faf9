"""Actions, versions and current pointers: what was computed, and what each environment holds now.

`actions` is the cache: it maps an action's key to its outputs. `versions` numbers the distinct
digests of an asset partition, for people. `current` has one row for each environment, asset
and partition; its `token` names what Dagster should show, `published` what it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from ml_assets.store.digest import json_digest
from ml_assets.store.objects import Ref
from ml_assets.store.state import (
    State,
    actions,
    current,
    dump,
    insert_missing,
    load,
    now,
    promotions,
    unreadable,
    versions,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an action. A session holds thousands, so their JSON stays unparsed text."""

    key: str
    outputs: Mapping[str, Ref] = field(default_factory=dict)
    checks_text: str = "[]"
    facts_text: str = "{}"
    seconds: float = 0.0
    made_by: str = ""
    """The token of the run that made it; several processes can work on one run."""

    @property
    def checks(self) -> Sequence[Mapping[str, Any]]:
        """The check results."""
        documents: list[dict[str, Any]] = load(self.checks_text)
        return documents

    @property
    def facts(self) -> Mapping[str, Any]:
        """The stage's facts."""
        document: dict[str, Any] = load(self.facts_text)
        return document


@dataclass(frozen=True, kw_only=True)
class ActionRecord:
    """A recorded action: its result, and what its key was computed from."""

    key: str
    recipe: str
    name: str
    ingredients: Mapping[str, Any]
    outputs: Mapping[str, Ref] = field(default_factory=dict)
    checks: Sequence[Mapping[str, Any]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    sources: str = ""
    machine: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    made_by: str = ""
    """As in `Answer`."""
    created: str = field(default="", compare=False)
    """When it was recorded; set by the store."""

    @property
    def answer(self) -> Answer:
        """Its result."""
        checks, facts = dump(list(self.checks)), dump(self.facts)
        return Answer(self.key, self.outputs, checks, facts, self.seconds, self.made_by)


@dataclass(frozen=True)
class Pointer:
    """The content that an environment holds of an asset partition now, and its actions."""

    asset: str
    partition: str
    number: int
    digest: str
    outputs: Mapping[str, Ref]
    actions: Mapping[str, str]
    token: str
    published: str | None


@dataclass(frozen=True, kw_only=True)
class Current(Pointer):
    """What an environment holds of an asset partition now, with checks and facts."""

    checks: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any]
    updated: str
    run_id: str | None


@dataclass(frozen=True)
class Version:
    """The n-th distinct content of an asset partition."""

    number: int
    digest: str
    outputs: Mapping[str, Ref]
    actions: Mapping[str, str]
    rows: int | None
    created: str
    run_id: str | None


@dataclass(frozen=True)
class Product:
    """A new result for an asset partition, about to become its current content."""

    asset: str
    partition: str
    outputs: Mapping[str, Ref]
    actions: Mapping[str, str]
    checks: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The content digest: that of the only output, or of all outputs by name."""
        return asset_digest(self.outputs)

    @property
    def token(self) -> str:
        """One digest of all that Dagster should show: content, checks, actions and facts."""
        return json_digest([self.digest, list(self.checks), dict(self.facts), dict(self.actions)])


def asset_digest(outputs: Mapping[str, Ref]) -> str:
    """Return the content digest of an asset: that of its only output, or of all by name."""
    if len(outputs) == 1:
        return next(iter(outputs.values())).digest
    return json_digest({name: ref.digest for name, ref in outputs.items()})


class Records:
    """The cache, the versions and the current pointers of a home."""

    def __init__(self, state: State) -> None:
        self._state = state

    def action(self, key: str) -> ActionRecord | None:
        """Return a recorded action."""
        with self._state.read() as db:
            row = db.execute(select(actions).where(actions.c.key == key)).one_or_none()
        return None if row is None else _action(row)

    def answer(self, key: str) -> Answer | None:
        """Return the result of a recorded action."""
        with self._state.read() as db:
            row = db.execute(select(*ANSWER).where(actions.c.key == key)).one_or_none()
        return None if row is None else _answer(row)

    def answers(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the results of those keys that have a recorded action."""
        by_key = {}
        with self._state.read() as db:
            for start in range(0, len(keys), 500):
                wanted = actions.c.key.in_(keys[start : start + 500])
                rows = db.execute(select(*ANSWER).where(wanted))
                by_key.update({row.key: _answer(row) for row in rows})
        return by_key

    def actions(self, keys: Iterable[str]) -> dict[str, ActionRecord]:
        """Return the recorded actions of those keys that have one."""
        with self._state.read() as db:
            rows = [
                db.execute(select(actions).where(actions.c.key == key)).one_or_none()
                for key in keys
            ]
        return {row.key: _action(row) for row in rows if row is not None}

    def each_action(self) -> Iterator[ActionRecord]:
        """Yield every recorded action, oldest first, a few at a time."""
        ordered = select(actions).order_by(actions.c.created, actions.c.key)
        with self._state.read() as db:
            for row in db.execute(ordered.execution_options(yield_per=200)):
                yield _action(row)

    def has_recipe(self, recipe: str) -> bool:
        """Return whether an action with this code, sub-spec and environment was recorded."""
        with self._state.read() as db:
            query = select(actions.c.key).where(actions.c.recipe == recipe).limit(1)
            return db.execute(query).first() is not None

    def by_recipe(self, recipe: str) -> list[ActionRecord]:
        """Return the recorded actions with this code, sub-spec and environment."""
        with self._state.read() as db:
            rows = db.execute(select(actions).where(actions.c.recipe == recipe)).all()
        return [_action(row) for row in rows]

    def record_action(self, record: ActionRecord, replace: bool = False) -> None:
        """Record an action; an existing record stays, unless `replace`."""
        row = {
            "key": record.key,
            "recipe": record.recipe,
            "name": record.name,
            "ingredients": dump(record.ingredients),
            "outputs": _outputs(record.outputs),
            "checks": dump(list(record.checks)),
            "facts": dump(record.facts),
            "sources": record.sources,
            "machine": dump(record.machine),
            "seconds": record.seconds,
            "created": now(),
            "made_by": record.made_by,
        }
        with self._state.write() as db:
            if replace:
                db.execute(delete(actions).where(actions.c.key == record.key))
            insert_missing(db, actions, [row])

    def record(self, env: str, products: Sequence[Product], run_id: str | None) -> list[Current]:
        """Make products current, all or none; new content gets the next version number."""
        with self._state.write() as db:
            return [self._record(db, env, product, run_id) for product in products]

    def _record(self, db: Connection, env: str, product: Product, run_id: str | None) -> Current:
        place = (versions.c.asset == product.asset, versions.c.partition == product.partition)
        known = select(versions.c.number).where(*place, versions.c.digest == product.digest)
        number = db.execute(known).scalar()
        if number is None:
            newest = db.execute(select(func.max(versions.c.number)).where(*place)).scalar()
            number = 0 if newest is None else newest + 1
            insert_missing(db, versions, [_version_row(product, number, run_id)])
        mine = (
            current.c.env == env,
            current.c.asset == product.asset,
            current.c.partition == product.partition,
        )
        before = db.execute(select(current).where(*mine)).one_or_none()
        if before is not None and before.token == product.token:
            return _current(before)
        row = {
            "env": env,
            "asset": product.asset,
            "partition": product.partition,
            "number": number,
            "digest": product.digest,
            "outputs": _outputs(product.outputs),
            "actions": dump(product.actions),
            "checks": dump(list(product.checks)),
            "facts": dump(product.facts),
            "token": product.token,
            "published": before.published if before is not None else None,
            "updated": now(),
            "run_id": run_id,
        }
        db.execute(delete(current).where(*mine))
        insert_missing(db, current, [row])
        return _current(db.execute(select(current).where(*mine)).one())

    def current(self, env: str, asset: str, partition: str = "") -> Current | None:
        """Return what an environment holds of an asset partition."""
        with self._state.read() as db:
            row = db.execute(
                select(current).where(
                    current.c.env == env,
                    current.c.asset == asset,
                    current.c.partition == partition,
                )
            ).one_or_none()
        return None if row is None else _current(row)

    def held(self, env: str, asset: str) -> dict[str, Current]:
        """Return what an environment holds of an asset, by partition."""
        mine = (current.c.env == env, current.c.asset == asset)
        with self._state.read() as db:
            rows = db.execute(select(current).where(*mine)).all()
        return {row.partition: _current(row) for row in rows}

    def several(self, db: Connection, env: str, assets: Sequence[str]) -> dict[str, Current]:
        """Return what an environment holds of some unpartitioned assets, in a transaction."""
        mine = (current.c.env == env, current.c.partition == "", current.c.asset.in_(assets))
        rows = db.execute(select(current).where(*mine))
        return {row.asset: _current(row) for row in rows}

    def all_current(self, env: str) -> dict[tuple[str, str], Current]:
        """Return everything that an environment holds, by asset and partition."""
        with self._state.read() as db:
            rows = db.execute(select(current).where(current.c.env == env)).all()
        return {(row.asset, row.partition): _current(row) for row in rows}

    def pointers(self, env: str) -> dict[tuple[str, str], Pointer]:
        """Return the pointers to everything that an environment holds, by asset and partition."""
        with self._state.read() as db:
            rows = db.execute(select(*POINTER).where(current.c.env == env))
            return {(row.asset, row.partition): Pointer(**_pointer(row)) for row in rows}

    def checks(self, env: str, asset: str) -> dict[str, list[dict[str, Any]]]:
        """Return the check results that an environment holds for an asset, by partition."""
        mine = (current.c.env == env, current.c.asset == asset)
        with self._state.read() as db:
            rows = db.execute(
                select(current.c.partition, current.c.checks)
                .where(*mine)
                .order_by(current.c.partition)
            )
            return {row.partition: load(row.checks) for row in rows}

    def environments(self) -> list[str]:
        """Return the environments that hold any content or have any decision."""
        with self._state.read() as db:
            return sorted(
                {
                    env
                    for column in (current.c.env, promotions.c.env)
                    for env in db.execute(select(column).distinct()).scalars()
                }
            )

    def mark_published(self, env: str, asset: str, partition: str, token: str) -> None:
        """Record that Dagster shows this content."""
        with self._state.write() as db:
            db.execute(
                update(current)
                .where(
                    current.c.env == env,
                    current.c.asset == asset,
                    current.c.partition == partition,
                )
                .values(published=token)
            )

    def mark_all_unpublished(self, env: str) -> None:
        """Record that Dagster no longer shows anything of this environment."""
        with self._state.write() as db:
            db.execute(update(current).where(current.c.env == env).values(published=None))

    def versions(self, asset: str, partition: str = "") -> list[Version]:
        """Return every version of an asset partition, oldest first."""
        with self._state.read() as db:
            rows = db.execute(
                select(versions)
                .where(versions.c.asset == asset, versions.c.partition == partition)
                .order_by(versions.c.number)
            ).all()
        return [_version(row) for row in rows]

    def first_actions(self) -> set[str]:
        """Return, for each version, the keys of the actions that first produced it."""
        with self._state.read() as db:
            rows = db.execute(select(versions.c.actions)).scalars()
            return {key for row in rows for key in load(row).values()}

    def assets(self) -> list[str]:
        """Return the assets that have a version, sorted."""
        with self._state.read() as db:
            return sorted(db.execute(select(versions.c.asset).distinct()).scalars())

    def partitions(self, asset: str) -> list[str]:
        """Return an asset's partitions that have a version, sorted."""
        with self._state.read() as db:
            query = select(versions.c.partition).where(versions.c.asset == asset).distinct()
            return sorted(db.execute(query).scalars())


def _version_row(product: Product, number: int, run_id: str | None) -> dict[str, Any]:
    rows = [ref.rows for ref in product.outputs.values() if ref.kind == "table"]
    return {
        "asset": product.asset,
        "partition": product.partition,
        "number": number,
        "digest": product.digest,
        "outputs": _outputs(product.outputs),
        "actions": dump(product.actions),
        "rows": rows[0] if rows else None,
        "created": now(),
        "run_id": run_id,
    }


def _outputs(outputs: Mapping[str, Ref]) -> str:
    return dump({name: ref.to_json() for name, ref in outputs.items()})


def refs(text: str) -> dict[str, Ref]:
    """Return outputs as they are stored; raises HomeError for what nobody wrote."""
    document = load(text)
    try:
        return {name: Ref(**value) for name, value in document.items()}
    except (AttributeError, TypeError) as error:
        raise unreadable(f"{document} is not a mapping of outputs") from error


ANSWER = tuple(
    actions.c[name] for name in ("key", "outputs", "checks", "facts", "seconds", "made_by")
)


POINTER = tuple(current.c[item.name] for item in fields(Pointer))


def _answer(row: Any) -> Answer:
    return Answer(row.key, refs(row.outputs), row.checks, row.facts, row.seconds, row.made_by)


def _action(row: Any) -> ActionRecord:
    return ActionRecord(
        key=row.key,
        recipe=row.recipe,
        name=row.name,
        ingredients=load(row.ingredients),
        outputs=refs(row.outputs),
        checks=load(row.checks),
        facts=load(row.facts),
        sources=row.sources,
        machine=load(row.machine),
        seconds=row.seconds,
        made_by=row.made_by,
        created=row.created,
    )


def _version(row: Any) -> Version:
    return Version(
        number=row.number,
        digest=row.digest,
        outputs=refs(row.outputs),
        actions=load(row.actions),
        rows=row.rows,
        created=row.created,
        run_id=row.run_id,
    )


def _pointer(row: Any) -> dict[str, Any]:
    return {
        "asset": row.asset,
        "partition": row.partition,
        "number": row.number,
        "digest": row.digest,
        "outputs": refs(row.outputs),
        "actions": load(row.actions),
        "token": row.token,
        "published": row.published,
    }


def _current(row: Any) -> Current:
    return Current(
        **_pointer(row),
        checks=load(row.checks),
        facts=load(row.facts),
        updated=row.updated,
        run_id=row.run_id,
    )
