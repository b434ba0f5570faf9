"""Package metadata. Versions are pinned in requirements/*.txt (`make lock`)."""

from pathlib import Path

from setuptools import find_packages, setup

REQUIREMENTS = Path(__file__).parent / "requirements" / "base.in"


def install_requires() -> list[str]:
    """Read the direct dependencies; `-r build.in` and comments are not among them."""
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("-")]


setup(
    name="ml_assets",
    version="0.1.0",
    description="Continuous training of tabular models as a Dagster asset graph",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.12",
    packages=find_packages(include=["ml_assets", "ml_assets.*"]),
    package_data={
        # The folders under defs/ need not be packages: their hooks ship as data.
        "ml_assets": [
            "py.typed",
            "**/*.json",
            "**/*.yaml",
            "**/*.html",
            "**/*.css",
            "**/*.js",
            "**/*.j2",
            "defs/**/*.py",
            "stages/release/scoring/*.txt",
            # What Flower runs, and its lock.
            "federated/*.txt",
            "federated/app/pyproject.toml",
            "federated/app/**/*.py",
        ],
    },
    install_requires=install_requires(),
    # Data contracts of other tools.
    extras_require={
        "odcs": ["open-data-contract-standard>=3.1"],
        "dummy": ["rstr>=3.2"],
        # Actions on the workers of a cluster.
        "dask": ["distributed>=2026.1"],
    },
    entry_points={
        "console_scripts": ["ml-assets = ml_assets.__main__:main"],
        # Lets any `dg` project that installs this package use its components.
        "dagster_dg_cli.registry_modules": ["ml_assets = ml_assets"],
    },
)
