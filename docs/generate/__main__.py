"""Write every generated file, or say with --check which are stale."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.generate import (
    assets_page,
    commands,
    errors_page,
    fields,
    flow,
    folds,
    home_page,
    layers,
    schema,
    spec_page,
)

ROOT = Path(__file__).parents[2]


def wanted() -> dict[str, str]:
    """Return path below the project -> text, of every generated file."""
    page = ROOT / "docs" / "reference" / "cli.md"
    return {
        "ml_assets/keys/fields.json": fields.text(),
        "docs/reference/cli.md": commands.filled(page.read_text(encoding="utf-8")),
        "docs/reference/assets.md": assets_page.page(),
        "docs/reference/errors.md": errors_page.page(),
        "docs/reference/spec.md": spec_page.page(),
        "docs/reference/home.md": home_page.page(),
        "docs/reference/defs.schema.json": schema.text(),
        "docs/images/layers.svg": layers.picture(ROOT / "pyproject.toml"),
        "docs/images/flow.svg": flow.picture(),
        "docs/images/folds.svg": folds.picture(),
    }


def stale() -> list[str]:
    """Return the generated files that are not what they would be now."""
    found = []
    for name, text in wanted().items():
        path = ROOT / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            found.append(name)
    return found


def main() -> int:
    """Write what is stale, or with --check only name it."""
    names = stale()
    texts = wanted()
    for name in names:
        sys.stdout.write(f"{name}\n")
        if "--check" not in sys.argv[1:]:
            (ROOT / name).write_text(texts[name], encoding="utf-8")
    return int(bool(names) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
