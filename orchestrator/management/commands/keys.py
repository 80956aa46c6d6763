"""``manage.py keys create --kind event --name shop``: makes a key and prints it, this once; lists and revokes them."""

from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandError
from django.db.models import Q, QuerySet

from orchestrator.api.queries.rows import rows
from orchestrator.api.wire import dump
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.engine.keys import create_key, revoke_key
from orchestrator.management.ink import Ink, Tone, cells, pad, printable
from orchestrator.management.terminal import TerminalCommand, add_env, env_id
from orchestrator.models import Key

MAX_NAME = 100  # characters
HEADS = ("ID", "KIND", "NAME", "BEGINS", "CREATED", "REVOKED")


class Command(TerminalCommand):
    help = "Create, list and revoke the keys that programs sign in with."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key and print it; only its hash is stored")
        create.add_argument("--kind", choices=[kind.value for kind in Key.Kind], required=True)
        create.add_argument("--name", required=True, help="what it is for, as shown to operators")
        add_env(create)
        listing = verbs.add_parser("list", help="all keys, without their secrets")
        listing.add_argument("--json", action="store_true", help="as JSON")
        add_env(listing)
        revoke = verbs.add_parser("revoke", help="shut a key out, within two seconds")
        revoke.add_argument("key", help="its id, its name, or how it begins")
        add_env(revoke)

    def handle(self, *, verb: str, env: str, **options: Any) -> None:
        environment = env_id(env)
        if verb == "create":
            self._create(environment, options["kind"], options["name"])
        elif verb == "list":
            self._list(environment, options)
        else:
            self._revoke(environment, options["key"])

    def _create(self, env: int, kind: str, name: str) -> None:
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise CommandError(f"--name is 1 to {MAX_NAME} printable characters")
        _, secret = create_key(Key.Kind(kind), name, env)
        self.say(secret)

    def _list(self, env: int, options: dict[str, Any]) -> None:
        found = list(_keys(env).order_by("id"))
        if options["json"]:
            self.say(dump([_fields(key) for key in found]).decode())
            return
        if not found:
            self.note("no keys: manage.py keys create makes one")
            return
        lines = [HEADS, *(_line(key) for key in found)]
        widths = [max(cells(line[n]) for line in lines) for n in range(len(HEADS))]
        ink = Ink.of(self, options)
        for n, line in enumerate(lines):
            text = "  ".join(pad(word, width) for word, width in zip(line, widths, strict=True)).rstrip()
            self.say(ink.paint(text, Tone.PLAIN if n else Tone.FAINT))

    def _revoke(self, env: int, wanted: str) -> None:
        condition = Q(name=wanted) | Q(prefix=wanted)
        with suppress(InvalidId):
            condition |= Q(id=parse_id(wanted))
        found = list(_keys(env).filter(condition, revoked_at=None)[:2])
        if not found:
            raise CommandError(
                f"no key in force has the id, name or beginning {wanted!r}: manage.py keys list shows them"
            )
        if len(found) > 1:
            raise CommandError(f"several keys are named {wanted!r}: give the id that manage.py keys list shows")
        revoke_key(found[0].id)
        self.note(f"revoked {found[0].kind} key {printable(found[0].name)} ({found[0].prefix}…)")


def _keys(env: int) -> QuerySet[Key]:
    return rows(Key).filter(env_id=env)


def _fields(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "kind": key.kind,
        "name": key.name,
        "begins": key.prefix,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _line(key: Key) -> tuple[str, ...]:
    created, revoked = (f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (key.created_at, key.revoked_at))
    return key.id, key.kind, printable(key.name), key.prefix, created, revoked
