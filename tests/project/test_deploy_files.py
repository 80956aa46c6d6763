"""Files for real use name programs, variables and paths that there are; their times fit the drain."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from orchestrator.workers.celery import DRAIN_SECONDS
from tests.live import ROOT

KUBERNETES = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
PROGRAMS = {"python", "daphne", "celery"}
PROBE_PATHS = {"/healthz", "/readyz"}


def documents() -> list[dict[str, Any]]:
    return [document for path in KUBERNETES for document in yaml.safe_load_all(path.read_text())]


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def commands() -> Iterator[list[str]]:
    for line in (ROOT / "Procfile").read_text().splitlines():
        for command in line.partition(": ")[2].split("&&"):
            yield shlex.split(command)
    for unit in UNITS:
        yield shlex.split(re.search(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)[1])  # type: ignore[index]
    for name, service in compose()["services"].items():
        if name not in {"postgres", "redis"} and "command" in service:
            yield service["command"]
    for document in documents():
        for container in containers(document):
            if "command" in container:
                yield container["command"]


def containers(document: dict[str, Any]) -> list[dict[str, Any]]:
    spec = document.get("spec", {}).get("template", {}).get("spec", {})
    return list(spec.get("containers", []))


def test_each_command_is_one_that_there_is() -> None:
    found = list(commands())
    assert len(found) >= 12
    for program, *words in found:
        assert Path(program).name in PROGRAMS, program
        if words[0] == "manage.py":
            assert words[1] in get_commands()
        else:
            assert {"console.asgi:application", "orchestrator.workers.celery"} & set(words)


def test_who_drains_has_the_time_for_it() -> None:
    graces = {d["metadata"]["name"]: d["spec"]["template"]["spec"] for d in documents() if d["kind"] == "Deployment"}
    assert set(graces) == {"signalbox-web", "signalbox-scheduler", "signalbox-worker"}
    assert graces["signalbox-worker"]["terminationGracePeriodSeconds"] > 2 * DRAIN_SECONDS
    assert int(compose()["services"]["worker"]["stop_grace_period"].rstrip("s")) > 2 * DRAIN_SECONDS
    worker = (ROOT / "deploy/systemd/signalbox-worker@.service").read_text()
    assert int(re.search(r"TimeoutStopSec=(\d+)", worker)[1]) > 2 * DRAIN_SECONDS  # type: ignore[index]


def test_selectors_find_their_pods_and_probes_their_pages() -> None:
    names = {(document["kind"], document["metadata"]["name"]) for document in documents() if "metadata" in document}
    for document in documents():
        for container in containers(document):
            for source in container["envFrom"]:
                [(key, reference)] = source.items()
                assert ("Secret" if key == "secretRef" else "ConfigMap", reference["name"]) in names
            paths = {container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")}
            assert paths <= PROBE_PATHS
            assert paths or "command" in container  # what serves is probed
        if document["kind"] == "Deployment":
            labels = document["spec"]["template"]["metadata"]["labels"].items()
            assert document["spec"]["selector"]["matchLabels"].items() <= labels


def test_the_image_has_what_it_copies_and_runs_as_nobody() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in line.split())
    assert text.rindex("\nUSER 10001:10001") < text.index("\nCMD")
    sent = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert {line.split()[0] for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)} == sent


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit.read_text())  # the program is elsewhere here
        (tmp_path / unit.name.replace("@", "@1")).write_text(text)
    files = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if "signalbox" in line] == []
