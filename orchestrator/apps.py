"""The Django app. Every installed app's ``functions.py`` is imported once all apps are ready."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule

from orchestrator.conf import settings
from orchestrator.sdk import limits
from orchestrator.sdk.discovery import import_functions
from orchestrator.sdk.port import plug


class OrchestratorConfig(AppConfig):
    name = "orchestrator"
    verbose_name = "Signalbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # After the models are loaded: the engine reads their shapes.
        plug(import_module("orchestrator.engine.port").Port())
        limits.plug(lambda: settings().machine_queues)
        if settings().broker_url:
            import_module("orchestrator.engine.doorbell").plug(_celery_bell)
        import_module("orchestrator.checks")
        declaring = [config for config in apps.get_app_configs() if module_has_submodule(config.module, "functions")]
        import_functions([*(f"{config.name}.functions" for config in declaring), *settings().functions])


def _celery_bell(queues: Callable[[], Sequence[str]]) -> Any:
    """Imported by who rings only: Celery takes its time."""
    return import_module("orchestrator.workers.celery").CeleryBell(queues)
