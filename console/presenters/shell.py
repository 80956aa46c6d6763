"""What surrounds every page: navigation, environment, theme."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from console.presenters.stories import stories
from orchestrator.models import Environment

THEMES = {"system": "monitor", "light": "sun", "dark": "moon"}
PAGES = (
    ("console:runs", "Runs", "activity"),
    ("console:events", "Events", "zap"),
    ("console:functions", "Functions", "square-function"),
    ("console:schedules", "Schedules", "calendar-clock"),
)
EXAMPLES = ("console:examples", "Examples", "play")
OUTSIDE = (("admin:index", "Admin", "settings"), ("signalbox-api:openapi-view", "API docs", "book-open"))


@dataclass(frozen=True, slots=True)
class NavItem:
    href: str
    word: str
    icon: str
    current: bool


@dataclass(frozen=True, slots=True)
class Shell:
    environment: str
    nav: Sequence[NavItem]
    links: Sequence[NavItem]
    theme: str
    themes: Sequence[tuple[str, str]]
    path: str


def shell(request: HttpRequest, env: int) -> Shell:
    name = Environment.objects.filter(id=env).values_list("name", flat=True).first()
    chosen = request.COOKIES.get("theme", "system")
    return Shell(
        environment=name or "default",
        nav=_items((*PAGES, EXAMPLES) if stories() else PAGES, request.path),
        links=_items(OUTSIDE, request.path),
        theme=chosen if chosen in THEMES else "system",
        themes=list(THEMES.items()),
        path=request.get_full_path(),
    )


def _items(pages: Sequence[tuple[str, str, str]], path: str) -> list[NavItem]:
    items = []
    for name, word, icon in pages:
        try:
            href = reverse(name)
        except NoReverseMatch:  # the API or the admin is not part of every project
            continue
        items.append(NavItem(href, word, icon, path == href or path.startswith(f"{href}/")))
    return items
