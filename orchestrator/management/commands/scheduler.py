"""``manage.py scheduler``: crons, recovery and routing, for installations whose functions run in Celery workers."""

from orchestrator.engine.host import EngineHost, start_engine
from orchestrator.management.commands.engine import Command as EngineCommand
from orchestrator.sdk.registry import Registry


class Command(EngineCommand):
    help = "Run the scheduler until SIGTERM, without functions. On PostgreSQL start several: any one of them is enough."

    def start(self) -> EngineHost:
        host = start_engine(functions=Registry(), queues=())
        self.stdout.write("The scheduler is running.")
        return host
