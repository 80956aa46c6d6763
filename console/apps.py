"""The Django app of the console."""

from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register

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


@register
def check_needed_apps(**_: Any) -> list[CheckMessage]:
    """The console's pages use these apps' tags and files."""
    return [
        Error(f"The console needs {name!r} in INSTALLED_APPS.", id="console.E001")
        for name in NEEDED_APPS
        if not apps.is_installed(name)
    ]
