"""What of the installation is in a key, and what is only recorded."""

from __future__ import annotations

import importlib.metadata
import platform
import sys

from ml_assets.keys.libraries import environment, machine, version_of


def test_distributions_by_the_module_that_is_imported() -> None:
    assert version_of("numpy") == ("numpy", importlib.metadata.version("numpy"))
    assert version_of("sklearn") == ("scikit-learn", importlib.metadata.version("scikit-learn"))
    assert version_of("yaml") == ("PyYAML", importlib.metadata.version("PyYAML"))
    assert version_of("_pytest") == ("pytest", importlib.metadata.version("pytest"))
    assert version_of("no_such_module") == ("no_such_module", "")


def test_the_environment_is_python_and_what_is_imported() -> None:
    python = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    assert environment([]) == python
    numpy = {"numpy": importlib.metadata.version("numpy")}
    assert environment(["numpy", "numpy"]) == {**python, **numpy}


def test_the_machine_is_json_and_not_in_the_environment() -> None:
    found = machine()
    assert found["architecture"] == platform.machine()
    assert found["python"] == platform.python_version()
    assert all(isinstance(name, str) for name in found["kernels"].values())
