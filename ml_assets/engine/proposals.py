"""Batches whose data changed in a way that their dataset's spec wants to be asked about.

Belongs here: finding them among what is current. Does not belong here: what to change in the spec
(`scaffold/patch`).
"""

from __future__ import annotations

from ml_assets.spec.project import Project
from ml_assets.store.home import Home


def pending(home: Home, project: Project) -> list[str]:
    """Return what to ask about, for each dataset with `propose` and each of its batches."""
    datasets = [
        name
        for name, spec in project.own.items()
        if "propose" in (spec.on_new_column, spec.on_missing_column, spec.on_type_change)
    ]
    if not datasets:
        return []
    held = home.records.all_current(home.env)
    questions = []
    for name in datasets:
        batches = [batch for asset, batch in held if asset == f"{name}/quarantine"]
        for batch in project.ordered(name, batches):
            said = held[f"{name}/quarantine", batch].facts.get("proposed")
            if said:
                place = f"{name}@{batch}" if batch else name
                questions.append(f"{place}: {'; '.join(said)}; see ml-assets propose {name}")
    return questions
