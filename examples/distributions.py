"""What is installed, what it declares, and whether its files are as recorded when installed. Plain Python, no steps."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution, distributions, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from examples.findings import Finding, Problem

FILES_A_BATCH = 50
MOST_BATCHES = 5


@dataclass(frozen=True, slots=True)
class Batch:
    """The recorded files ``start`` to ``stop`` of a distribution."""

    distribution: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the metadata of a distribution say; ``files`` have a recorded hash and lie in ``batches``."""

    name: str
    version: str
    files: int
    findings: list[Finding]
    batches: list[Batch]


def installed_names(limit: int | None = None) -> list[str]:
    """Names of the distributions on the Python path, in order, each once."""
    names: set[str] = {canonicalize_name(found.name) for found in distributions()}
    return sorted(names)[:limit]


def read_facts(name: str) -> Facts:
    """Raises PackageNotFoundError when it is not installed any more."""
    found = distribution(name)
    files = len(hashed_files(found))
    findings = [*_licence_findings(name, found), *_dependency_findings(name, found)]
    if not files:
        findings.append(Finding(name, Problem.UNVERIFIABLE))
    return Facts(name, found.version, files, findings, _batches(name, files))


def verify_files(batch: Batch) -> list[Finding]:
    """The files of a batch that are gone, or are not what was installed."""
    files = hashed_files(distribution(batch.distribution))[batch.start : batch.stop]
    problems = ((file, _problem(file)) for file in files)
    return [Finding(batch.distribution, problem, str(file)) for file, problem in problems if problem]


def hashed_files(found: Distribution) -> list[PackagePath]:
    """Files with a recorded hash: all but RECORD itself and compiled bytecode."""
    return [file for file in found.files or [] if file.hash]


def _problem(file: PackagePath) -> Problem | None:
    recorded = file.hash
    if recorded is None:
        return None
    try:
        with open(file.locate(), "rb") as content:
            digest = hashlib.file_digest(content, recorded.mode).digest()
    except FileNotFoundError:
        return Problem.MISSING
    actual = urlsafe_b64encode(digest).decode().rstrip("=")
    return None if actual == recorded.value else Problem.MODIFIED


def _batches(name: str, files: int) -> list[Batch]:
    """Equal parts of about FILES_A_BATCH files, larger ones where that would be more than MOST_BATCHES."""
    size = max(FILES_A_BATCH, -(-files // MOST_BATCHES))
    return [Batch(name, start, min(start + size, files)) for start in range(0, files, size)]


def _licence_findings(name: str, found: Distribution) -> Iterator[Finding]:
    metadata = found.metadata.json
    classified = any(classifier.startswith("License ::") for classifier in metadata.get("classifier", []))
    if not (metadata.get("license_expression") or metadata.get("license") or classified):
        yield Finding(name, Problem.NO_LICENCE)


def _dependency_findings(name: str, found: Distribution) -> Iterator[Finding]:
    for text in found.requires or []:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue  # for another platform, another Python, or an optional extra
        if not _is_met(requirement):
            yield Finding(name, Problem.UNMET, text)
        elif not requirement.specifier and not requirement.url:
            yield Finding(name, Problem.UNPINNED, text)


def _is_met(requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False
