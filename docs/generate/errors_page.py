"""The reference of errors, from their classes: what programs call each, its exit code."""

from __future__ import annotations

import inspect

from ml_assets import errors
from ml_assets.cli import output

HEAD = """\
# Errors

Made by `make docs` from `ml_assets/errors.py`; do not edit. A command that could not do what was
asked says why on stderr. With `--json` its one document on stdout is

```json
{"error": "no model named 'forcast'; did you mean 'forecast'? available: forecast",
 "kind": "unknown_name",
 "details": {"what": "model", "got": "forcast", "available": ["forecast"]},
 "exit": 2}
```

`error` is the text for people, and may change; `kind` is one of those below. `details` holds what
is known apart, and may be empty: `got`, `wanted`, `available`, `what`; of `spec_error` the
`mistakes`, each with `file`, `line` and `text`. Exit code 2: the request was wrong and nothing was
changed; 1: it failed, and what was finished is kept.

| kind | exit | what it means |
| --- | --- | --- |
"""
OTHERS = {
    output.DISK_FULL: "The disk of the home has no space left.",
    output.SYSTEM: "The operating system refused: a file, a permission, a connection.",
    output.DATABASE_UNREACHABLE: "A database of the home cannot be read or written now.",
    output.DATABASE_DAMAGED: "A database of the home is damaged.",
}


def page() -> str:
    """Return the whole page."""
    rows = [
        (
            errors.kind_of(kind),
            output.WRONG if issubclass(kind, errors.RequestError) else output.FAILED,
            (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " "),
        )
        for kind in vars(errors).values()
        if inspect.isclass(kind)
        and issubclass(kind, errors.MlAssetsError)
        and kind is not errors.MlAssetsError
    ]
    rows += [(name, output.FAILED, said) for name, said in OTHERS.items()]
    return HEAD + "".join(f"| `{name}` | {code} | {said} |\n" for name, code, said in sorted(rows))
