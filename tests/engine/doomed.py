"""An engine that is to be killed while a run executes: ``python -m tests.engine.doomed FILE [TASK]``.

The run tells in the file which process executes it and which one it has started.
"""

import signal
import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django first

from orchestrator.engine.host import start_engine  # noqa: E402
from tests.engine import jobs  # noqa: E402


def main() -> None:
    call_command("migrate", verbosity=0)
    start_engine()
    getattr(jobs, sys.argv[2] if len(sys.argv) > 2 else "wait_to_be_cancelled").trigger(sys.argv[1])
    signal.pause()


if __name__ == "__main__":
    main()
