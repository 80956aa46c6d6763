"""System checks of a deployment: ``manage.py check --deploy``."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connections

from orchestrator.conf import settings
from orchestrator.models import Key

TRIED_BROKERS = ("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps")


@register
def check_layer(**_: Any) -> list[CheckMessage]:
    """News between processes are carried by a channel layer that there is: E002."""
    return list(_layer())


@register(Tags.security, deploy=True)
def check_deployment(**_: Any) -> list[CheckMessage]:
    """What would be wrong with this installation where others reach it; Django's own checks say the rest."""
    return [*_mode(), *_processes(), *_broker(), *_keys()]


def _layer() -> Iterator[CheckMessage]:
    alias = settings().channel_layer
    known = getattr(django_settings, "CHANNEL_LAYERS", {})
    if alias and alias not in known:
        yield Error(
            f"ORCHESTRATOR['CHANNEL_LAYER'] is {alias!r}, which CHANNEL_LAYERS does not have.",
            hint=f"One of these: {', '.join(sorted(known)) or 'none'}.",
            id="console.E002",
        )


def _mode() -> Iterator[CheckMessage]:
    if getattr(django_settings, "SIGNALBOX_ENV", "production") != "production":
        yield Warning(
            "SIGNALBOX_ENV is development: visitors from this machine are signed in, and any event key is good.",
            hint="Set SIGNALBOX_ENV=production.",
            id="console.W101",
        )
    elif settings().open_access:
        yield Warning(
            "ORCHESTRATOR['OPEN_ACCESS'] is on: any event key is good, and the API needs none.",
            hint="Leave it out.",
            id="console.W102",
        )
    if "*" in django_settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS is '*': links in mails and redirects can be made to lead elsewhere.",
            hint="Name the hosts: ALLOWED_HOSTS=jobs.example.com. Health checks are answered whatever the host.",
            id="console.W103",
        )


def _processes() -> Iterator[CheckMessage]:
    config = settings()
    if connections[config.database].vendor != "sqlite":
        return
    if config.broker_url:
        yield Error(
            "BROKER_URL is set, but workers cannot share SQLite: on it one process is the engine.",
            hint="Set DATABASE_URL to a PostgreSQL, or leave BROKER_URL out and run manage.py engine.",
            id="console.E101",
        )
    else:
        yield Warning(
            "The database is SQLite: all processes run on its machine, and one of them is the engine.",
            hint="That is right for one server. For several, set DATABASE_URL to a PostgreSQL.",
            id="console.W104",
        )


def _broker() -> Iterator[CheckMessage]:
    url = settings().broker_url
    scheme = url.partition("://")[0] if "://" in url else ""
    if url and scheme not in TRIED_BROKERS:
        yield Warning(
            f"BROKER_URL begins with {scheme!r}." if scheme else "BROKER_URL has no scheme.",
            hint=f"Signalbox is tried with {', '.join(f'{name}://' for name in TRIED_BROKERS)}.",
            id="console.W105",
        )


def _keys() -> Iterator[CheckMessage]:
    try:
        missing = not Key.objects.using(settings().database).filter(revoked_at=None).exists()
    except DatabaseError:  # manage.py doctor says what is wrong with it
        return
    if missing:
        yield Warning(
            "There is no key: no program can send events or use the API.",
            hint="manage.py keys create --kind event --name shop",
            id="console.W106",
        )
