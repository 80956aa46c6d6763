"""What ``manage.py pause`` and ``manage.py resume`` share: how they are told what is meant."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from orchestrator.core.pausing import PauseKind
from orchestrator.management.terminal import add_env, env_id


def add_target(parser: ArgumentParser) -> None:
    parser.add_argument("kind", choices=[kind.value for kind in PauseKind], help="what it is")
    parser.add_argument("name", help="its id or name")
    parser.add_argument("--note", default="", help="why, for whoever asks")
    add_env(parser)


def target(kind: str, name: str, env: str) -> tuple[PauseKind, str, dict[str, Any]]:
    """Kind and name of what is meant, and its environment as the engine's verbs take it."""
    meant = PauseKind(kind)
    if meant is not PauseKind.ENVIRONMENT:
        return meant, name, {"env": env_id(env)}
    if env not in ("default", name):
        raise CommandError(f"the environment is named twice: {name} and --env {env}")
    return meant, "", {"env": env_id(name)}
