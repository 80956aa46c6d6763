"""An engine with nothing in front of it: ``python -m tests.chaos.engine_process``, ended by SIGTERM."""

import signal

import django

django.setup()

from orchestrator.engine.host import start_engine  # noqa: E402 - Django first


def main() -> None:
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before there are threads, which inherit it
    engine = start_engine()
    print("engine is running", flush=True)  # noqa: T201 - what its starter waits for
    signal.sigwait(ends)
    engine.drain()


if __name__ == "__main__":
    main()
