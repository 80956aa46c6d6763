"""What newcomers may start with one click: the ``stories`` that installed apps offer in their AppConfig."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.apps import apps

from console.presenters.text import pretty


class Start(Protocol):
    """An event to send, a function to call by name, or a signal for a run."""

    @property
    def label(self) -> str: ...
    @property
    def event(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def signal(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


class Story(Protocol):
    """``source`` is the file to read; ``reply`` is what a run of it may wait for."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def start(self) -> Start: ...
    @property
    def reply(self) -> Start | None: ...


@dataclass(frozen=True, slots=True)
class Card:
    """A story and its payload as a person reads it."""

    story: Story
    payload: str


def stories() -> Sequence[Story]:
    """Those of all installed apps; none where no app offers any."""
    return [story for config in apps.get_app_configs() for story in getattr(config, "stories", ())]


def cards() -> Sequence[Card]:
    return [Card(story, pretty(dict(story.start.data))) for story in stories()]


def find_story(id: str) -> Story | None:
    return next((story for story in stories() if story.id == id), None)
