"""The audit of this very environment, and of one with something wrong in it."""

import hashlib
from base64 import urlsafe_b64encode
from collections import Counter
from pathlib import Path

import pytest

from examples.distributions import installed_names, read_facts, verify_files
from examples.findings import Finding, Problem, summarise
from examples.functions.supply_chain_audit import AuditRequested, audit_distribution
from orchestrator.models import Attempt, Run
from tests.examples.conftest import RunOf

METADATA = """\
Metadata-Version: 2.1
Name: Wobbly
Version: 1.0
Requires-Dist: orjson
Requires-Dist: pydantic <1
Requires-Dist: no-such-package >=2
Requires-Dist: django >=5
Requires-Dist: another >1; extra == "more"
Requires-Dist: pywin32 >=1; sys_platform == "win32"
"""


def record(name: str, content: bytes) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(content)}\n"


@pytest.fixture
def wobbly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution of three files: one as installed, one changed since, one gone."""
    info = tmp_path / "wobbly-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (tmp_path / "good.py").write_bytes(b"good")
    (tmp_path / "changed.py").write_bytes(b"import backdoor")
    hashes = [record("good.py", b"good"), record("changed.py", b"pass"), record("gone.py", b"pass")]
    (info / "RECORD").write_text("".join(hashes) + "wobbly-1.0.dist-info/RECORD,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.django_db(transaction=True)
def test_every_distribution_is_audited_by_a_child_run(run_of: RunOf) -> None:
    names = installed_names()
    run = run_of(AuditRequested())
    assert run.status == "completed", run.error
    assert [step.id for step in run.steps][:2] == ["list-distributions", "audit"]
    children = Run.objects.filter(parent=run.id)
    endings = Counter(children.values_list("function", "status"))
    assert endings == {(audit_distribution.id, "completed"): len(names)}
    assert run.output["distributions"] == len(names)
    assert run.output["files"] > 1000
    assert sum(run.output["counts"].values()) == len(run.output["findings"])
    steps = Counter(Attempt.objects.filter(run__in=children.values("id"), op="run").values_list("run", flat=True))
    assert steps.total() > 2 * len(names)
    assert max(steps.values()) == 6  # Django has thousands of files: one step of metadata, five of hashes


@pytest.mark.django_db(transaction=True)
def test_a_limit_audits_the_first_by_name(run_of: RunOf) -> None:
    run = run_of(AuditRequested(limit=3))
    assert [child.function for child in Run.objects.filter(parent=run.id)] == [audit_distribution.id] * 3
    assert run.steps[0].output == installed_names()[:3]


@pytest.mark.usefixtures("wobbly")
def test_what_is_wrong_with_a_distribution_is_found() -> None:
    facts = read_facts("wobbly")
    assert facts.findings == [
        Finding("wobbly", Problem.NO_LICENCE),
        Finding("wobbly", Problem.UNPINNED, "orjson"),
        Finding("wobbly", Problem.UNMET, "pydantic <1"),
        Finding("wobbly", Problem.UNMET, "no-such-package >=2"),
    ]
    [batch] = facts.batches
    assert verify_files(batch) == [
        Finding("wobbly", Problem.MODIFIED, "changed.py"),
        Finding("wobbly", Problem.MISSING, "gone.py"),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("wobbly")
def test_the_report_names_the_worst_first(run_of: RunOf) -> None:
    run = run_of(AuditRequested())
    wrong = [finding for finding in run.output["findings"] if finding["distribution"] == "wobbly"]
    assert [finding["detail"] for finding in wrong] == [
        "changed.py", "gone.py", "pydantic <1", "no-such-package >=2", "", "orjson",
    ]  # fmt: skip
    assert run.output["findings"][0] == wrong[0]


def test_a_large_distribution_has_no_more_than_six_steps() -> None:
    batches = read_facts("django").batches
    assert len(batches) == 5
    assert [batch.start for batch in batches[1:]] == [batch.stop for batch in batches[:-1]]


def test_a_report_of_nothing_is_empty() -> None:
    assert summarise([]).counts == {}
