"""The Django app of the console."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register

from orchestrator.conf import settings
from orchestrator.engine import doorbell

NEEDED_APPS = (
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "orchestrator",
)


class ConsoleConfig(AppConfig):
    name = "console"
    verbose_name = "Signalbox console"

    def ready(self) -> None:
        if apps.is_installed("orchestrator"):  # else a check says so
            import_module("console.checks")
        if settings().channel_layer:
            doorbell.plug_exchange(_layer_exchange)


def _layer_exchange(origin: str, heard: Callable[[doorbell.News], None], *, for_workers: bool) -> doorbell.Doorbell:
    """Imported by who rings or listens only: Channels and Redis take their time."""
    made: doorbell.Doorbell = import_module("console.live.layer").LayerExchange(origin, heard, for_workers=for_workers)
    return made


@register
def check_needed_apps(**_: Any) -> list[CheckMessage]:
    """The console's pages use these apps' tags and files."""
    return [
        Error(f"The console needs {name!r} in INSTALLED_APPS.", id="console.E001")
        for name in NEEDED_APPS
        if not apps.is_installed(name)
    ]
