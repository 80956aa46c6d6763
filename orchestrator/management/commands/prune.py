"""``manage.py prune --older-than "30 days" --dry-run``: deletes what retention would, now."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from orchestrator.conf import settings
from orchestrator.core.retention import parse_length
from orchestrator.engine.clock import system_clock
from orchestrator.engine.retention import Deleted, Plan, Sweep, plan_of, plan_older_than
from orchestrator.engine.retention_count import count
from orchestrator.engine.retention_delete import record_pruning
from orchestrator.engine.sql import Connection, open_connection
from orchestrator.management.terminal import TerminalCommand, actor, add_env, env_id

MOST_REST_SECONDS = 0.1


class Command(TerminalCommand):
    help = "Delete runs that ended, events without a run and log lines, as retention says or by age."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", help='such as "30 days"; without it as ORCHESTRATOR["RETENTION"] says')
        parser.add_argument("--function", help="with --older-than: the runs of this function and nothing else")
        parser.add_argument("--dry-run", action="store_true", help="only count")
        add_env(parser)

    def handle(self, *, older_than: str | None, function: str | None, dry_run: bool, env: str, **_: Any) -> None:
        if function is not None and older_than is None:
            raise CommandError("--function goes with --older-than")
        db = open_connection(settings().database, checkpoints=False)
        try:
            plan = self._plan(db, older_than, function, env_id(env))
            deleted = count(db, plan) if dry_run else self._prune(db, plan)
            if any(deleted) and not dry_run:
                asked = {"older_than": older_than, "function": function} | deleted._asdict()
                record_pruning(db, env_id(env), actor=actor(), after=asked)
        finally:
            db.close()
        verb = "would delete" if dry_run else "deleted"
        self.say(f"{verb} {deleted.runs:,} runs, {deleted.events:,} events, {deleted.lines:,} log lines of other runs")

    def _plan(self, db: Connection, older_than: str | None, function: str | None, env: int) -> Plan:
        if older_than is None:
            plan = plan_of(db, settings().retention, system_clock.now())
            if not plan:
                raise CommandError("everything is kept for ever: give --older-than, or set SIGNALBOX_RETENTION")
            return plan
        length = parse_length(older_than)
        if length is None:
            raise CommandError("--older-than is a length of time")
        plan = plan_older_than(db, length, system_clock.now(), env=env, function=function)
        if function is not None and not plan:
            raise CommandError(f"no function {function!r} is registered in this environment")
        return plan

    def _prune(self, db: Connection, plan: Plan) -> Deleted:
        total, begin = Deleted(), time.monotonic()
        for step in Sweep(db, plan).steps():
            total = Deleted(*map(sum, zip(total, step, strict=True)))
            # An engine in another process waits for SQLite's lock by looking again and again: it needs a gap.
            time.sleep(min(MOST_REST_SECONDS, time.monotonic() - begin))
            begin = time.monotonic()
        return total
