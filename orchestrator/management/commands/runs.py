"""``manage.py runs list`` and ``manage.py runs show ID``: what the console says, for a terminal and for pipes."""

import os
import shutil
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from orchestrator.api.queries.history import list_logs
from orchestrator.api.queries.rows import rows
from orchestrator.api.queries.run_filter import RunFilter
from orchestrator.api.queries.runs import get_run, list_runs
from orchestrator.api.values import LogLine, Run
from orchestrator.api.wire import dump
from orchestrator.core.errors import RunNotFound
from orchestrator.core.ids import parse_id
from orchestrator.core.ops import RUN_STATUSES, Status
from orchestrator.management.ink import Ink
from orchestrator.management.listing import table
from orchestrator.management.reading import SINCE_HELP, positive, read_since
from orchestrator.management.report import head, logs, reasons, warnings
from orchestrator.management.terminal import TerminalCommand, add_env, env_id
from orchestrator.management.tree import read_tree
from orchestrator.management.waterfall import draw
from orchestrator.models import Run as RunRow

PIPE_WIDTH = 100  # columns of a waterfall that no terminal shows
PAGE = 200


class Command(TerminalCommand):
    help = "List runs, or show one as a waterfall."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="runs, newest first")
        statuses = [status.value for status in RUN_STATUSES]
        listing.add_argument("--status", action="append", choices=statuses, help="may be given several times")
        listing.add_argument("--function", help="id of a function")
        listing.add_argument("--since", help=f"queued since {SINCE_HELP}")
        listing.add_argument("--event-id", help="runs that this event started")
        listing.add_argument("--limit", type=positive, default=20, help="at most so many (default: 20)")
        listing.add_argument("--json", action="store_true", help="as GET /api/v1/runs answers them")
        add_env(listing)
        show = verbs.add_parser("show", help="one run: its steps, attempts and errors")
        show.add_argument("id")
        show.add_argument("--json", action="store_true", help="as GET /api/v1/runs/ID answers it")
        show.add_argument("--logs", action="store_true", help="what it logged and printed, too")

    def handle(self, *, verb: str, **options: Any) -> None:
        if verb == "list":
            self._list(**options)
        else:
            self._show(**options)

    def _list(self, *, json: bool, limit: int, since: str | None, **options: Any) -> None:
        now = datetime.now(UTC)
        event = options["event_id"]
        chosen = RunFilter(
            event_id=parse_id(event) if event else None,
            function=options["function"],
            statuses=[Status(value) for value in options["status"] or ()],
            since=read_since(since, now),
        )
        found = _read(env_id(options["env"]), chosen, limit)
        if json:
            self.say(dump(found).decode())
        elif not found:
            self.note("no runs")
        else:
            for line in table(found, now, Ink.of(self, options), self._width(None)):
                self.say(line)

    def _show(self, *, id: str, json: bool, **options: Any) -> None:
        row = rows(RunRow).filter(id=parse_id(id)).first()
        if row is None:
            raise RunNotFound(f"no run has the id {id}")
        run = get_run(row.env, row.id)
        if json:
            self.say(dump(_with_logs(run) if options["logs"] else run).decode())
            return
        ink, now = Ink.of(self, options), datetime.now(UTC)
        waterfall = draw(read_tree(row), now, ink, self._width(PIPE_WIDTH) or PIPE_WIDTH)
        parts = [head(run, ink, now), warnings(row.id, ink), waterfall, reasons(run, ink)]
        if options["logs"]:
            parts.append(logs(row.id, ink))
        self._print_parts([list(part) for part in parts])

    def _print_parts(self, parts: list[list[str]]) -> None:
        for n, part in enumerate(filter(None, parts)):
            if n:
                self.say("")
            for line in part:
                self.say(line)

    def _width(self, otherwise: int | None) -> int | None:
        """Columns of the terminal; ``otherwise`` where there is none."""
        if not self.stdout.isatty() and not os.environ.get("COLUMNS"):
            return otherwise
        return max(20, shutil.get_terminal_size((otherwise or PIPE_WIDTH, 24)).columns)


def _read(env: int, chosen: RunFilter, limit: int) -> list[Run]:
    """Newest first; a page at a time, so that many runs need not be held by one query."""
    found: list[Run] = []
    cursor: str | None = None
    while len(found) < limit:
        part = list_runs(env, chosen, cursor=cursor, limit=min(PAGE, limit - len(found)))
        found += part.data
        cursor = part.next_cursor
        if cursor is None:
            break
    return found


def _with_logs(run: Run) -> dict[str, Any]:
    lines: list[LogLine] = []
    cursor: str | None = None
    while True:
        part = list_logs(run.id, cursor=cursor, limit=PAGE)
        lines += part.data
        cursor = part.next_cursor
        if cursor is None:
            return {name: getattr(run, name) for name in Run.__slots__} | {"logs": lines}
