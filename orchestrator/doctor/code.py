"""The author's code: what was imported, what was not, and what the system checks say of it."""

from collections.abc import Iterator

from django.core.checks import ERROR, CheckMessage, run_checks

from orchestrator import checks
from orchestrator.doctor.findings import Finding, Level, ok, warn
from orchestrator.sdk.registry import registry

DECLARE = "Write one into functions.py of an installed app, or name its module in SIGNALBOX_FUNCTIONS."


def examine_functions() -> Iterator[Finding]:
    """How many functions there are, then one finding for each complaint."""
    found = list(registry)
    modules = {definition.body.__module__ for definition in found}
    if found:
        yield ok("Functions", f"{len(found)} in {len(modules)} {'module' if len(modules) == 1 else 'modules'}")
    else:
        yield warn("Functions", "none are declared", DECLARE)
    yield from map(_finding, run_checks(tags=[checks.TAG]))


def _finding(message: CheckMessage) -> Finding:
    level = Level.FAIL if message.level >= ERROR else Level.WARN
    text, _, detail = str(message.msg).partition("\n")
    place = f"{message.obj}: " if message.obj else ""
    return Finding(level, "Check", f"{place}{text} ({message.id})", message.hint or "", detail)
