"""Files for real use name programs, variables and paths that there are; their times fit the drain."""

import json
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
from tests.docs.test_variables import variables
from tests.live import ROOT

KUBERNETES = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
PROGRAMS = {"python", "daphne", "celery"}
PROBE_PATHS = {"/healthz", "/readyz"}
# Read by others: the interpreter, the shell of the image, PostgreSQL's image, and the commands of workers.
OTHERS_VARIABLES = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "POSTGRES_PASSWORD", "QUEUES"}


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
        yield from map(shlex.split, re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE))
    for name, service in compose()["services"].items():
        if name not in {"postgres", "redis"} and "command" in service:
            yield service["command"]
    for document in documents():
        for container in containers(document):
            if "command" in container:
                yield container["command"]


def settled(command: list[str]) -> str:
    """The command without what may differ from place to place: folders, addresses, ports, queues, names."""
    text = " ".join([Path(command[0]).name, *command[1:]])
    return re.sub(r"(?<= )(-[bpQn]) \S+", r"\1 ...", text).removesuffix(" -n ...")


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


def test_all_files_start_the_same_processes_in_the_same_way() -> None:
    processes = {
        "daphne -v 0 -b ... -p ... console.asgi:application",
        "python manage.py scheduler",
        "celery -q -A orchestrator.workers.celery worker -Q ...",
    }
    releases = {"python manage.py migrate --noinput", "python manage.py collectstatic --noinput -v0"}
    assert {settled(command) for command in commands()} == processes | releases
    image = json.loads(re.search(r"^CMD (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1])  # type: ignore[index]
    assert settled(image) in processes


def test_each_variable_is_one_that_is_read() -> None:
    image = re.findall(r"(?:ENV |^    )(.*=.*)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    named = set(re.findall(r"\b([A-Z_]{3,})=", " ".join(image)))
    text = (ROOT / "docker-compose.yml").read_text()
    named |= set(re.findall(r"\$\{([A-Z_]+)", text)) | set(compose()["x-signalbox"]["environment"])
    named |= set(re.findall(r"^([A-Z_]+)=", (ROOT / "deploy/systemd/signalbox.env").read_text(), re.MULTILINE))
    for unit in UNITS:
        named |= set(re.findall(r"^Environment=([A-Z_]+)", unit.read_text(), re.MULTILINE))
    for document in documents():
        named |= set(document.get("data", {})) | set(document.get("stringData", {}))
    assert {"SIGNALBOX_HOME", "SECRET_KEY", "BROKER_URL", "SECURE_HSTS_SECONDS", "QUEUES"} <= named
    assert named - OTHERS_VARIABLES <= variables()


def test_compose_takes_a_database_for_ready_only_when_others_can_reach_it() -> None:
    """Its image fills a new database with a server that listens on a socket only, and ends again."""
    probe = compose()["services"]["postgres"]["healthcheck"]["test"]
    assert probe[probe.index("-h") + 1] == "127.0.0.1"


def test_who_drains_has_the_time_for_it() -> None:
    graces = {d["metadata"]["name"]: d["spec"]["template"]["spec"] for d in documents() if d["kind"] == "Deployment"}
    assert set(graces) == {"signalbox-web", "signalbox-scheduler", "signalbox-worker"}
    assert graces["signalbox-worker"]["terminationGracePeriodSeconds"] > 2 * DRAIN_SECONDS
    assert int(compose()["services"]["worker"]["stop_grace_period"].rstrip("s")) > 2 * DRAIN_SECONDS
    worker = (ROOT / "deploy/systemd/signalbox-worker@.service").read_text()
    assert int(re.search(r"TimeoutStopSec=(\d+)", worker)[1]) > 2 * DRAIN_SECONDS  # type: ignore[index]


def test_selectors_find_their_pods_and_probes_their_pages() -> None:
    labels_of_pods = [d["spec"]["template"]["metadata"]["labels"] for d in documents() if d["kind"] == "Deployment"]
    names = {(document["kind"], document["metadata"]["name"]) for document in documents() if "metadata" in document}
    for document in documents():
        for container in containers(document):
            for source in container["envFrom"]:
                [(key, reference)] = source.items()
                assert ("Secret" if key == "secretRef" else "ConfigMap", reference["name"]) in names
            paths = {container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")}
            assert paths <= PROBE_PATHS
            assert paths or "command" in container  # what serves is probed
        if document["kind"] == "PodDisruptionBudget":
            assert document["spec"]["selector"]["matchLabels"] in labels_of_pods
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


def test_pods_keep_to_the_restricted_standard_with_a_home_and_a_folder_to_write_in() -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
    pods = [d["spec"]["template"]["spec"] for d in documents() if d["kind"] in {"Deployment", "Job"}]
    assert len(pods) == 4
    for pod in pods:
        user = {name: pod["securityContext"].pop(name) for name in ("runAsUser", "runAsGroup", "fsGroup")}
        assert set(user.values()) == {10001}  # the image's
        assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "readOnlyRootFilesystem": True,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/var/lib/signalbox", "/tmp"}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit.read_text())  # the program is elsewhere here
        (tmp_path / unit.name.replace("@", "@1")).write_text(text)
    files = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if "signalbox" in line] == []
