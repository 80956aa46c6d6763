"""The Django app. Every installed app's ``functions.py`` is imported once all apps are ready."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

from orchestrator.conf import settings
from orchestrator.sdk.port import plug


class OrchestratorConfig(AppConfig):
    name = "orchestrator"
    verbose_name = "Signalbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # After the models are loaded: the engine reads their shapes.
        plug(import_module("orchestrator.engine.port").Port())
        autodiscover_modules("functions")
        for module in settings().functions:
            import_module(module)
