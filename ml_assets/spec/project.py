"""A project: every defs.yaml below one folder, checked one by one and against each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ml_assets.errors import RequestError, SpecError, UnknownName, suggest
from ml_assets.spec.borrowed import Borrowed, Lookup, borrow, named
from ml_assets.spec.calendar import Calendar
from ml_assets.spec.dataset import DatasetSpec, Labels
from ml_assets.spec.explain import locate
from ml_assets.spec.expressions import grammar
from ml_assets.spec.expressions.kinds import A, kind_of
from ml_assets.spec.expressions.methods import Kind
from ml_assets.spec.inputs import input_mismatches, resolved
from ml_assets.spec.labels import label_mismatches, labels_of
from ml_assets.spec.mistakes import Place
from ml_assets.spec.model import Join, ModelSpec
from ml_assets.spec.requests_dataset import PREFIX, requests_dataset, requests_name
from ml_assets.spec.retrain import retrain_mismatches
from ml_assets.spec.trial import trial_mismatches
from ml_assets.spec.yaml import read_spec

DATASET = "ml_assets.TabularDataset"
MODEL = "ml_assets.TabularModel"


@dataclass(frozen=True)
class Project:
    """The datasets and models of one defs folder, by name (their folder's name)."""

    datasets: Mapping[str, DatasetSpec]
    models: Mapping[str, ModelSpec]
    folders: Mapping[str, Path] = field(default_factory=dict)
    borrowed: Mapping[str, Borrowed] = field(default_factory=dict)
    """Those of the datasets that are another project's."""

    @property
    def own(self) -> Mapping[str, DatasetSpec]:
        """The datasets that this project makes itself."""
        if not self.borrowed:
            return self.datasets
        return {name: d for name, d in self.datasets.items() if name not in self.borrowed}

    def mine(self, dataset: str) -> DatasetSpec:
        """Return a dataset of the project's own; raises UnknownName, and RequestError if it is not.

        Whatever lands, changes or removes rows asks for it so.
        """
        theirs, colon, name = dataset.rpartition(":")
        if colon:
            raise elsewhere(name, theirs)
        if dataset in self.borrowed:
            raise elsewhere(dataset, self.borrowed[dataset].project)
        if dataset not in self.datasets:
            raise UnknownName.of("dataset", dataset, self.own)
        return self.datasets[dataset]

    @property
    def requests(self) -> Mapping[str, str]:
        """The datasets of what models were asked, each with its model."""
        return {requests_name(n): n for n, m in self.models.items() if m.requests is not None}

    def calendar_of(self, group: str) -> str | None:
        """Return the name of the calendar of a dataset, or of a model's dataset."""
        calendar = self._calendar(group)
        return None if calendar is None else calendar.name

    def ordered(self, group: str, batches: Iterable[str]) -> list[str]:
        """Return batches of a dataset or model in calendar order.

        A dataset or model that is not in the project (any more) has the natural order.
        """
        known = group in self.datasets or group in self.models
        calendar = self._calendar(group) if known else None
        return (calendar or Calendar(name="none")).sorted(batches)

    def calendars(self) -> dict[str, Calendar]:
        """Return every calendar by its name."""
        declared = (dataset.calendar for dataset in self.datasets.values())
        return {calendar.name: calendar for calendar in declared if calendar is not None}

    def inputs(self, model: str) -> tuple[str, ...]:
        """Return the columns by whose values a model's rows are known; none where there is a key.

        They are those that it may know when it predicts, except what its target is made from.
        """
        spec = self.models[model]
        dataset = self.datasets[spec.dataset]
        if dataset.key:
            return ()
        known = dataset.known_at(spec.predict_at) if spec.predict_at else dataset.columns
        target = grammar.names(grammar.parse(spec.target, dataset.columns))
        return tuple(sorted(set(known) - target))

    def labels(self, dataset: str) -> Labels | None:
        """Return what of a dataset arrives with the labels; None where all comes at once."""
        if dataset in self.borrowed:
            return self.borrowed[dataset].labels
        return labels_of(dataset, self.datasets[dataset], self.models)

    def _calendar(self, group: str) -> Calendar | None:
        name = group if group in self.datasets else self.models[group].dataset
        return self.datasets[name].calendar


def elsewhere(dataset: str, project: str) -> RequestError:
    """Return the error of asking here for what only a dataset's own project can do."""
    return RequestError(
        f"{dataset} is a dataset of project {project}: its rows land, are withdrawn and are "
        f"forgotten there. Run the command in the folder of {project}; this project reads the "
        "batches that it cleans",
        dataset=dataset,
        project=project,
    )


def read_project(defs: Path, lookup: Lookup | None = None) -> Project:
    """Read and check every defs.yaml directly below the folders of `defs`.

    `lookup` returns the claims of the home, for datasets of other projects. Raises SpecError with
    every mistake of every file, each with its file and line.
    """
    project, wrong = _read(defs, lookup)
    if wrong:
        raise SpecError("\n".join(said for problems in wrong.values() for said in problems))
    models = {n: resolved(m, project.datasets[m.dataset]) for n, m in project.models.items()}
    return asked(replace(project, models=models))


def read_for(defs: Path, dataset: str) -> Project:
    """Read the specs needed to work on one dataset's files: its own, and other valid datasets'.

    Models are left out, valid or not. Raises SpecError with the mistakes of the dataset, and
    UnknownName if there is none of that name; RequestError if it is another project's.
    """
    theirs, colon, name = dataset.rpartition(":")
    if colon:
        raise elsewhere(name, theirs)
    project, wrong = _read(defs)
    if dataset not in {*project.datasets, *wrong}:
        for _, _, theirs, name in named(_specs(defs)[1]):
            if name == dataset:
                raise elsewhere(dataset, theirs)
    if dataset in wrong:
        raise SpecError("\n".join(wrong[dataset]))
    datasets = {name: spec for name, spec in project.datasets.items() if name not in wrong}
    if dataset not in datasets:
        raise UnknownName.of("dataset", dataset, datasets)
    return Project(datasets, {}, {name: project.folders[name] for name in datasets})


def read_valid(defs: Path, lookup: Lookup | None = None) -> tuple[Project, dict[str, list[str]]]:
    """Read the specs that are right and need none that is wrong; and the mistakes by folder.

    A model that needs a wrong dataset is among the mistakes. `lookup` as for `read_project`.
    """
    project, wrong = _read(defs, lookup)
    for name, model in project.models.items():
        bad = [dataset for dataset in _needed(model) if dataset in wrong]
        if bad and name not in wrong:
            place = project.folders[name] / "defs.yaml"
            wrong[name] = [f"{place}:1: it needs {', '.join(bad)}, whose spec is wrong"]
    datasets = {name: spec for name, spec in project.datasets.items() if name not in wrong}
    models = {
        name: resolved(spec, datasets[spec.dataset])
        for name, spec in project.models.items()
        if name not in wrong
    }
    folders = {n: project.folders[n] for n in (*datasets, *models) if n in project.folders}
    return asked(Project(datasets, models, folders, project.borrowed)), wrong


def asked(project: Project) -> Project:
    """Return a project with the datasets of what its models were asked; `models` are resolved."""
    datasets = {
        name: requests_dataset(model, spec, project.datasets[spec.dataset])
        for name, model in project.requests.items()
        for spec in (project.models[model],)
    }
    folders = {
        name: project.folders[model]
        for name, model in project.requests.items()
        if model in project.folders
    }
    return replace(
        project,
        datasets={**project.datasets, **datasets},
        folders={**project.folders, **folders},
    )


_Specs = tuple[dict[str, DatasetSpec], dict[str, ModelSpec], dict[str, Path], dict[str, list[str]]]


def _specs(defs: Path) -> _Specs:
    """Return all readable specs as they are written, their folders, and the mistakes by folder."""
    datasets: dict[str, DatasetSpec] = {}
    models: dict[str, ModelSpec] = {}
    folders: dict[str, Path] = {}
    wrong: dict[str, list[str]] = defaultdict(list)
    for path in sorted(defs.glob("*/defs.yaml")):
        name = path.parent.name
        try:
            spec = read_spec(path, {DATASET: DatasetSpec, MODEL: ModelSpec})
        except SpecError as error:
            wrong[name].append(str(error))
            continue
        if spec is None:
            continue
        folders[name] = path.parent
        if isinstance(spec, DatasetSpec):
            datasets[name] = spec
        elif isinstance(spec, ModelSpec):
            models[name] = spec
    return datasets, models, folders, wrong


def _read(defs: Path, lookup: Lookup | None = None) -> tuple[Project, dict[str, list[str]]]:
    """Return the project of all readable specs, and the mistakes by folder."""
    datasets, models, folders, wrong = _specs(defs)
    found = borrow(models, {**datasets, **models}, lookup)
    project = Project({**datasets, **found.datasets}, found.models, folders, found.borrowed)
    for name, place, what in [*found.wrong, *mismatches(project, set(wrong))]:
        said = f"{'.'.join(str(part) for part in place)}: {what}"
        wrong[name].append(f"{locate(folders[name] / 'defs.yaml', place)}: {said}")
    return project, dict(wrong)


Mismatch = tuple[str, Place, str]
"""A dataset or model, a place in its spec, and the mismatch there."""


def mismatches(project: Project, unread: Collection[str] = ()) -> Iterator[Mismatch]:
    """Yield the mismatches between the specs of a project.

    `unread` names folders whose own specs are invalid: they are not compared.
    """
    yield from _calendar_mismatches(project)
    for name, dataset in project.own.items():
        for place, said in label_mismatches(name, dataset, project.models):
            yield name, place, said
    for name, model in project.models.items():
        if model.dataset in unread:
            continue
        if model.dataset not in project.datasets:
            said = f"no dataset {model.dataset!r}{suggest(model.dataset, project.datasets)}"
            yield name, ("dataset",), said
            continue
        dataset = project.datasets[model.dataset]
        for place, said in (
            *_model_mismatches(model, dataset),
            *_release_mismatches(model, project.datasets),
            *_requests_mismatches(name, model, project),
            *input_mismatches(model, dataset),
            *_split_mismatches(model, dataset),
            *trial_mismatches(model, dataset),
            *retrain_mismatches(model, dataset),
        ):
            yield name, place, said + _whose(project, model)
        for number, join in enumerate(model.joins):
            if join.dataset not in unread:
                for key, said in _join_mismatches(project, model, join):
                    yield name, ("joins", number, key), said


PARTS = ("order", "period", "zone")
"""What datasets on one calendar agree on."""


def _calendar_mismatches(project: Project) -> Iterator[Mismatch]:
    first: dict[str, tuple[str, Calendar]] = {}
    # Those of other projects are last: they cannot be changed here, so the reader is wrong.
    ordered = [*project.own, *project.borrowed]
    readers = {n: model for model, m in project.models.items() for n in _needed(m)}
    for name in ordered:
        mine = project.datasets[name].calendar
        if mine is None:
            continue
        other, theirs = first.setdefault(mine.name, (name, mine))
        if theirs != mine:
            part = next(p for p in PARTS if getattr(mine, p) != getattr(theirs, p))
            said = f"{part} {getattr(mine, part)!r}, but {other} on the same calendar has "
            said += f"{getattr(theirs, part)!r}"
            said += f"; wanted the same {part} on all datasets of {mine.name!r}"
            if name in project.borrowed:
                yield readers[name], ("dataset",), f"calendar of {name}: {said}"
            else:
                yield name, ("calendar",), said


def _needed(model: ModelSpec) -> list[str]:
    """Return the datasets that a model reads."""
    return [model.dataset, *(join.dataset for join in model.joins)]


def _whose(project: Project, model: ModelSpec) -> str:
    """Return what to say of a mismatch with a dataset whose spec is not in this project."""
    borrowed = project.borrowed.get(model.dataset)
    if borrowed is None:
        return ""
    return f" ({model.dataset} is of project {borrowed.project}, as it was cleaned last)"


def _join_mismatches(project: Project, model: ModelSpec, join: Join) -> Iterator[tuple[str, str]]:
    if join.dataset not in project.datasets:
        yield "dataset", f"no dataset {join.dataset!r}{suggest(join.dataset, project.datasets)}"
        return
    own, other = (project.calendar_of(name) for name in (model.dataset, join.dataset))
    if other is not None and other != own:
        said = f"{join.dataset} is on calendar {other!r}, {model.dataset} on {own!r}"
        yield "dataset", f"{said}; only datasets on one calendar, or snapshots, can be joined"
    if other is None and join.previous:
        yield "previous", f"{join.dataset} is a snapshot and has no preceding batches"
    if join.at is not None and model.dataset in project.datasets:
        if project.datasets[join.dataset].time is None:
            yield "at", f"{join.dataset} has no `time`, so none of its rows is known to be later"
        for said in _moment_mismatches(join.at, model, project.datasets[model.dataset]):
            yield "at", said


def _moment_mismatches(at: str, model: ModelSpec, dataset: DatasetSpec) -> Iterator[str]:
    try:
        kind = kind_of(at, dataset.columns)
    except ValueError as error:
        yield str(error)
        return
    if kind != "time":
        yield f"{at!r} gives {A[kind]} for each row, wanted a time"
    if model.predict_at in dataset.moments:
        known = dataset.known_at(str(model.predict_at))
        read = grammar.names(grammar.parse(at, dataset.columns))
        late = [name for name in dataset.columns if name in read and name not in known]
        if late:
            said = f"{', '.join(late)} is not known at {model.predict_at}"
            yield f"{said}; wanted columns of {', '.join(known)}"


def _model_mismatches(model: ModelSpec, dataset: DatasetSpec) -> Iterator[tuple[Place, str]]:
    yield from _target_mismatches(model, dataset)
    if model.predict_at is not None and model.predict_at not in dataset.moments:
        said = f"no moment {model.predict_at!r}{suggest(model.predict_at, dataset.moments)}"
        yield ("predict_at",), said
    if model.predict_at is None and dataset.moments:
        said = f"wanted the moment of prediction, one of {', '.join(dataset.moments)}"
        yield ("predict_at",), said
    if model.weight is not None and model.weight not in dataset.columns:
        yield ("weight",), f"no column {model.weight!r}{suggest(model.weight, dataset.columns)}"
    known = {*dataset.columns, *model.features.columns}
    asked = model.evaluation
    for part, names in (("slices", asked.slices), ("protected", asked.protected)):
        for number, column in enumerate(names):
            if column not in known:
                said = f"no column {column!r}{suggest(column, known)}"
                yield ("evaluation", part, number), said


def _release_mismatches(
    model: ModelSpec, datasets: Mapping[str, DatasetSpec]
) -> Iterator[tuple[Place, str]]:
    for number, name in enumerate(model.release.snapshots):
        place, dataset = ("release", "snapshots", number), datasets.get(name)
        if dataset is None:
            continue
        if dataset.calendar is not None:
            said = f"{name} arrives in batches; only a snapshot can go with a bundle"
            yield place, f"{said}, whose user gives --join {name}=FILE"
        secret = [c for c in released(model, name, dataset) if dataset.columns[c].sensitive]
        if secret:
            said = f"{', '.join(secret)} of {name} is sensitive and may not leave"
            yield place, f"{said}; name the columns that features are made from as `sources`"


def _requests_mismatches(
    name: str, model: ModelSpec, project: Project
) -> Iterator[tuple[Place, str]]:
    if model.requests is None:
        return
    made = requests_name(name)
    if made in project.datasets or made in project.models:
        yield ("requests",), f"they become the dataset {made!r}, which already exists; rename that"
    taken = sorted(c for c in project.datasets[model.dataset].columns if c.startswith(PREFIX))
    if taken:
        said = f"{', '.join(taken)} of {model.dataset}: the prefix {PREFIX} is reserved"
        yield ("requests",), f"{said} for recorded requests; rename them in the spec, with `source`"


def released(model: ModelSpec, name: str, dataset: DatasetSpec) -> tuple[str, ...]:
    """Return the columns of a snapshot that go with a bundle: its key, and what features name."""
    sources = {s for column in model.features.columns.values() for s in column.sources}
    named = {column for column in dataset.columns if f"{name}.{column}" in sources}
    wanted = named | set(dataset.key) if named else set(dataset.columns)
    return tuple(column for column in dataset.columns if column in wanted)


TARGETS: dict[str, tuple[Kind, ...]] = {
    "regression": ("number",),
    "binary": ("boolean", "number"),
    "multiclass": ("text", "number", "boolean"),
}
"""By task, the kinds that the target may have."""


def _target_mismatches(model: ModelSpec, dataset: DatasetSpec) -> Iterator[tuple[Place, str]]:
    try:
        kind = kind_of(model.target, dataset.columns)
    except ValueError as error:
        yield ("target",), str(error)
        return
    wanted = TARGETS[model.task]
    if kind not in wanted:
        said = f"{model.target!r} gives {A[kind]} for each row"
        yield ("target",), f"{said}, wanted {' or '.join(A[k] for k in wanted)} for {model.task}"


def _split_mismatches(model: ModelSpec, dataset: DatasetSpec) -> Iterator[tuple[Place, str]]:
    if model.split.kind == "time":
        if dataset.calendar is None:
            said = f"{model.dataset} is a snapshot without batches; use kind: hash"
            yield ("split", "kind"), said
        return
    for number, column in enumerate(model.split.group):
        if column not in dataset.columns:
            said = f"no column {column!r}{suggest(column, dataset.columns)}"
            yield ("split", "group", number), said
