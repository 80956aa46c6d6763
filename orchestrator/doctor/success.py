"""Functions that should have completed by now, and have not."""

from collections.abc import Iterator
from datetime import datetime

from orchestrator.conf import settings
from orchestrator.core.durations import format_duration
from orchestrator.doctor.findings import Finding, ok, warn
from orchestrator.models import Environment
from orchestrator.overdue import Expected, expected_functions


def examine_expected(now: datetime) -> Iterator[Finding]:
    """A line for each that is overdue; one for all that are not, none when nothing is expected."""
    found = [
        (slug, expected)
        for env in Environment.objects.using(settings().database).order_by("id").values_list("id", flat=True)
        for slug, expected in sorted(expected_functions(env, now).items())
    ]
    overdue = [(slug, expected) for slug, expected in found if expected.overdue_since is not None]
    for slug, expected in overdue:
        yield warn("Expected", _says(slug, expected), f"Look at its runs: manage.py runs list --function {slug}")
    if found and not overdue:
        each = "the function that is" if len(found) == 1 else f"each of the {len(found)} functions that are"
        yield ok("Expected", f"{each} expected to complete again and again did so in time")


def _says(slug: str, expected: Expected) -> str:
    within, last = format_duration(expected.within), expected.last_success_at
    ever = f"; it did last at {_moment(last)}" if last else ""
    return f"{slug} is overdue since {_moment(expected.overdue_since)}: it should complete within {within}{ever}"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment is not None else "never"
