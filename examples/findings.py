"""What the supply-chain audit can find, and the report it makes of it."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Problem(StrEnum):
    """Kinds of findings, the worst first."""

    MODIFIED = "modified file"
    MISSING = "missing file"
    UNMET = "unmet dependency"
    UNVERIFIABLE = "no file hashes recorded"
    NO_LICENCE = "no licence declared"
    UNPINNED = "dependency of any version"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; ``detail`` is the file or the requirement."""

    distribution: str
    problem: Problem
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """The outcome for one distribution; ``files`` were verified."""

    name: str
    version: str
    files: int
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome for all; ``counts`` are findings by problem, ``findings`` the worst first."""

    distributions: int
    files: int
    counts: dict[str, int]
    findings: list[Finding]


def summarise(audits: list[Audit]) -> Report:
    """One report of many audits."""
    order = list(Problem)
    findings = [finding for audit in audits for finding in audit.findings]
    counts = Counter(finding.problem for finding in findings)
    return Report(
        distributions=len(audits),
        files=sum(audit.files for audit in audits),
        counts={problem.value: counts[problem] for problem in order if counts[problem]},
        findings=sorted(findings, key=lambda finding: order.index(finding.problem)),
    )
