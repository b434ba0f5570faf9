"""The inputs of a bundle in formats that other tools read: SBOM and provenance.

Belongs here: CycloneDX, in-toto and SLSA documents without clock or random numbers. Does not
belong here: our own lineage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.stages.release.files import FORMAT, sha256

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

    from ml_assets.spec.release import ReleaseSpec

_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^ \\;]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def pins(lock: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (name, version, sha256 of the files allowed) of a lock with hashes."""
    for block in lock.replace("\\\n", " ").splitlines():
        match = _PIN.match(block)
        if match is not None:
            yield match[1], match[2], _HASH.findall(block)


def sbom(spec: ReleaseSpec, card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a CycloneDX 1.6 document: the model, and the packages of each way to score it.

    `card` is the model's `modelCard`.

    The library would write the time and a random serial number, both optional in the format.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    main = Component(
        name=spec.model,
        version=spec.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"{spec.model}@{spec.version}",
        description=spec.description,
    )
    wanted: dict[tuple[str, str], dict[str, list[str]]] = {}
    for lock in ("requirements.txt", "requirements-edge.txt", "requirements-rows.txt"):
        for name, version, hashes in pins(spec.files.get(lock, "")):
            wanted.setdefault((name, version), {})[lock] = hashes
    bom = Bom()
    bom.metadata.component = main
    parts = [
        _library(name, version, locks, spec.licences.get(name))
        for (name, version), locks in sorted(wanted.items())
    ]
    bom.components.update(parts)
    bom.register_dependency(main, parts)
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    document.pop("serialNumber", None)
    document["metadata"].pop("timestamp", None)
    document["metadata"]["component"]["modelCard"] = dict(card)
    return document


def _library(
    name: str, version: str, locks: Mapping[str, Sequence[str]], licence: str | None
) -> Component:
    """Return a library; its distribution has the SHA-256 of each file that the locks allow."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import (
        ExternalReference,
        ExternalReferenceType,
        HashAlgorithm,
        HashType,
        Property,
        XsUri,
    )
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    url = PackageURL("pypi", name=name, version=version)
    allowed = sorted({digest for hashes in locks.values() for digest in hashes})
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(url)),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in allowed],
    )
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=url,
        bom_ref=str(url),
        licenses=[LicenseFactory().make_from_string(licence)] if licence else (),
        external_references=[files],
        properties=[Property(name="ml_assets:lock", value=lock) for lock in sorted(locks)],
    )


def provenance(spec: ReleaseSpec, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return an in-toto statement with SLSA provenance (v1) about files of a bundle.

    Our content digests (docs/reference/digest.md) accompany SHA-256 as `ml_assets.d1`.
    """
    lineage = spec.lineage
    code = sorted({pair for part in lineage["code"].values() for pair in part.items()})
    dependencies = [
        {"name": f"landed/{item['dataset']}/{item['batch'] or 'snapshot'}/{item['file']}"}
        | {"digest": {"ml_assets.d1": item["digest"].removeprefix("d1:")}}
        for item in lineage["landed"]
    ]
    dependencies += [
        {"name": f"code/{name}", "digest": {"ml_assets.ast-sha256": digest}}
        for name, digest in code
    ]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": name, "digest": {"sha256": sha256(files[name])}} for name in sorted(files)
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"urn:ml_assets:release:{FORMAT}",
                "externalParameters": {"model": spec.model, "version": spec.version},
                "internalParameters": {
                    "candidate": spec.candidate,
                    "promotion": spec.promotion.get("hash"),
                    "environment": lineage["environment"],
                },
                "resolvedDependencies": dependencies,
            },
            "runDetails": {"builder": {"id": "urn:ml_assets:builder"}},
        },
    }
