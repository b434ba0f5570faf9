"""A model that follows the champion of its environment.

Belongs here: when another version or other joined tables take traffic. Does not belong here: HTTP.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError

from ml_assets.errors import MlAssetsError
from ml_assets.history.trials import running_in
from ml_assets.serve.model import LoadedChallenger, LoadedModel, LoadedVersion
from ml_assets.serve.service.access import Access
from ml_assets.serve.service.example import example_of
from ml_assets.serve.service.golden import check
from ml_assets.serve.service.patient import Patient
from ml_assets.serve.service.served import Served
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.promotions import LogEntry

EVERY = 1.0
"""Seconds between two looks at the home."""
EVERY_OBJECT = 5.0
"""Seconds between two requests for the champion's object, which a remote store counts."""
SLOW = 15.0
"""Seconds without a look, after which it is said that the home does not answer."""
FAILURES = (MlAssetsError, SQLAlchemyError, OSError, MemoryError)
"""What a home that is away, a damaged object or a model that is too large raises."""
log = logging.getLogger("ml_assets.serve")


class Followed(Served):
    """One model as it is served; `loaded` is None until a champion could be loaded."""

    def __init__(self, home: Home, project: Project, name: str) -> None:
        super().__init__(name)
        self._home, self._project = home, project
        self._joined = Patient(home.objects.table)
        """Reads a joined table."""
        self._champion: LoadedModel | None = None
        spec = project.models[name]
        self._tried = spec.gate.trial is not None
        if spec.predictions.traffic is not None:
            self.traffic = spec.predictions.traffic.share
        self._looked = self._reached = time.monotonic()
        """When the last look ended, and when the champion's object was there."""
        self.look()

    @property
    def behind(self) -> str | None:
        """Also that the home hangs, such as a database that takes requests and answers none."""
        ago = time.monotonic() - self._looked
        return f"the home has not answered for {ago:.0f} s" if ago > SLOW else self.why

    def look(self) -> None:
        """Take over what has changed; whatever fails, what was served is served on."""
        log = self._look()
        if self._tried and log is not None:
            self._look_beside(log)
        self._looked = time.monotonic()

    def _look(self) -> Sequence[LogEntry] | None:
        """Take over the champion; return the promotion log, None if anything fails."""
        try:
            if self._champion is not None:
                self._reach(self._champion)
            entries = self._home.promotions.entries(self._home.env, self.name)
            if self._champion is None:
                newer = LoadedModel(self._home, self._project, self.name, entries, self._joined)
                self._check(newer.state)
                self._champion = self.loaded = newer
                self.example = example_of(self._home, newer)
                log.info("%s v%s is served", self.name, newer.state.version)
            elif self._champion.refresh(self._check, entries):
                log.info("%s v%s is served", self.name, self._champion.state.version)
        except FAILURES as error:
            why = str(error) or type(error).__name__
            if why != self.why:
                log.warning("%s: %s", self.name, why)
            self.why = why
            return None
        self.why = None
        return entries

    def _reach(self, champion: LoadedModel) -> None:
        """Raise if files are away: an open database answers without, and nothing new is read."""
        self._home.folder.stat()
        if time.monotonic() - self._reached >= EVERY_OBJECT:
            self._home.objects.reach(champion.state.document)
            self._reached = time.monotonic()

    def _look_beside(self, entries: Sequence[LogEntry]) -> None:
        """Take over the challenger; one that fails is not scored, and the champion is served on."""
        trial = running_in(entries)
        if trial is None:
            self.challenger = self.why_no_challenger = None
            return
        try:
            self._take_over(trial.challenger.digest, entries)
            self.why_no_challenger = None
        except Exception as error:
            # Whatever it is, such as a family of the project's own that fails as it is loaded.
            why = str(error) or type(error).__name__
            if why != self.why_no_challenger:
                log.warning("%s: the challenger: %s", self.name, why)
            self.why_no_challenger = why

    def _take_over(self, digest: str, entries: Sequence[LogEntry]) -> None:
        """Have this challenger be scored, after its golden rows; none while that fails."""
        now = self.challenger
        if now is not None and now.state.digest != digest:
            self.challenger = now = None
        if isinstance(now, LoadedChallenger):
            now.refresh(log=entries)
            return
        newer = LoadedChallenger(self._home, self._project, self.name, entries, self._joined)
        check(self._home, self.name, newer.state)
        newer.state.ranges()
        self.challenger = newer
        log.info("%s v%s is scored beside", self.name, newer.state.version)

    def _check(self, state: LoadedVersion) -> None:
        before = None if self.loaded is None else self.loaded.state
        if before is None or before.digest != state.digest:
            check(self._home, self.name, state)
            # Before the first request, which would wait for it.
            state.ranges()


class Follower:
    """A thread that looks at all models, and the access keys, until it is stopped."""

    def __init__(
        self, models: Sequence[Followed], every: float = EVERY, keys: Access | None = None
    ) -> None:
        self.models: Mapping[str, Followed] = {model.name: model for model in models}
        self._keys = keys
        self._every = every
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, after a look that is under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        while not self._stopped.wait(self._every):
            self._look_at_keys()
            for model in self.models.values():
                model.look()

    def _look_at_keys(self) -> None:
        """Read the access keys again; while the home is away, the previous ones stay."""
        if self._keys is None:
            return
        try:
            self._keys.look()
        except FAILURES as error:
            log.warning("access keys: %s", error)
