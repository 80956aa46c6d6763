"""``manage.py send_event order/placed --data '{"order": 1}'``: stores an event with the runs it starts."""

from argparse import ArgumentParser
from typing import Any

import orjson
from django.core.management.base import CommandError

from orchestrator.api.queries.run_filter import RunFilter
from orchestrator.api.queries.runs import list_runs
from orchestrator.conf import settings
from orchestrator.core.events import IncomingEvent, parse_events
from orchestrator.engine.ingest import send_events
from orchestrator.management.engines import note_without_engine
from orchestrator.management.reading import DATA_HELP, read_object
from orchestrator.management.terminal import TerminalCommand, add_env, env_id


class Command(TerminalCommand):
    help = "Send an event. Prints its id; the runs it starts are named on standard error."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="such as order/placed")
        parser.add_argument("--data", help=f"the event's data, an object: {DATA_HELP}")
        parser.add_argument("--id", help="the sender's own id: the same one again starts nothing for 24 hours")
        parser.add_argument("--user", help="about whom it is, a JSON object")
        add_env(parser)

    def handle(self, *, name: str, data: str | None, id: str | None, user: str | None, **options: Any) -> None:
        env = env_id(options["env"])
        event = checked(
            {
                "name": name,
                "data": read_object("--data", data),
                "id": id,
                "user": read_object("--user", user),
            }
        )
        [event_id] = send_events([event], env=env, source="app")
        self.say(event_id)
        self._tell_runs(env, event_id)

    def _tell_runs(self, env: int, event_id: str) -> None:
        runs = list_runs(env, RunFilter(event_id=event_id), limit=20)
        for run in runs.data:
            self.note(f"started {run.function}: manage.py runs show {run.id}")
        if runs.next_cursor:
            self.note(f"and more: manage.py runs list --event-id {event_id}")
        if not runs.data:
            self.note("no function starts by this event")
        note_without_engine(self)


def checked(fields: dict[str, Any]) -> IncomingEvent:
    """The event, by the rules of ``POST /e/{key}``. Raises CommandError."""
    config = settings()
    parsed = parse_events(orjson.dumps(fields), max_bytes=config.max_body_bytes, max_event_bytes=config.max_event_bytes)
    if parsed.error is not None:
        raise CommandError(str(parsed.error))
    return parsed.events[0]
