"""The Django app of the examples."""

from django.apps import AppConfig

from examples.stories import STORIES


class ExamplesConfig(AppConfig):
    name = "examples"
    default_auto_field = "django.db.models.BigAutoField"
    stories = STORIES
