"""``manage.py keys create --kind event --name shop``: makes a key and prints it, this once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orchestrator.engine.keys import create_key
from orchestrator.models import Environment, Key


class Command(BaseCommand):
    help = "Creates the keys that programs sign in with."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key and print it; only its hash is stored")
        create.add_argument("--kind", choices=[kind.value for kind in Key.Kind], required=True)
        create.add_argument("--name", required=True, help="what it is for, as shown to operators")
        create.add_argument("--env", default="default", help="name of the environment (default: default)")

    def handle(self, *, name: str, kind: str, env: str, **_: Any) -> None:
        environment = Environment.objects.filter(name=env).first()
        if environment is None:
            known = ", ".join(Environment.objects.order_by("name").values_list("name", flat=True))
            raise CommandError(f"no environment {env!r}; known: {known}")
        _, secret = create_key(Key.Kind(kind), name, environment.pk)
        self.stdout.write(secret)
