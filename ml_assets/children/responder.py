"""The child's side, a script that imports nothing of this package: `responder.py TARGET [WORD…]`.

TARGET is `module:function` or `file.py:function`; called with the words, it returns the function
that answers requests. What libraries print goes to stderr; only answers go to the original stdout.
The process ends as soon as its stdin closes, so it never outlives its parent.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import queue
import runpy
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

Answer = Callable[[Any], Any]
KNOWN = "MlAssetsError"
"""The base of errors whose text is for people; by name, as the class may be that of stored code."""


def main() -> None:
    """Answer requests until stdin ends."""
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        answer = _target(sys.argv[1], sys.argv[2:])
        while True:
            answers.write(json.dumps(_answered(answer, requests.get())) + "\n")
            answers.flush()


def _read(requests: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _target(reference: str, words: list[str]) -> Answer:
    """Import a target and call it; imported objects are then exempt from garbage collection."""
    name, _, function = reference.rpartition(":")
    gc.disable()
    try:
        if name.endswith(".py"):
            target = runpy.run_path(name)[function]
        else:
            target = getattr(importlib.import_module(name), function)
        answer: Answer = target(*words)
    finally:
        gc.freeze()
        gc.enable()
    return answer


def _answered(answer: Answer, line: str) -> dict[str, Any]:
    try:
        return {"answer": answer(json.loads(line))}
    except Exception as error:
        # Not ignored: the parent raises it. This process answers the next request.
        traceback.print_exc()
        said = str(error)
        if KNOWN not in (kind.__name__ for kind in type(error).__mro__):
            said = f"{type(error).__name__}: {said}"
        return {"error": said}


if __name__ == "__main__":
    main()
