"""One repetition, in a process of its own: ``python -m benchmarks.measure W1,W2 full FILE``.

The database of the environment is migrated and filled: it must be one that nobody needs. ``manage.py bench`` makes one.
"""

import asyncio
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

from benchmarks.sizes import SIZES, Sizes


def main(workloads: list[str], sizes: Sizes, result: Path) -> None:
    """Writes ``{"figures": ..., "database": ..., "packages": ...}``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    # After Django is set up: the engine reads the shapes of the models.
    host = import_module("orchestrator.engine.host").start_engine()
    try:
        figures = asyncio.run(_run(workloads, sizes))
        facts = import_module("benchmarks.database").database_facts()
    finally:
        host.drain()
    result.write_text(json.dumps({"figures": figures, **facts}))


async def _run(workloads: list[str], sizes: Sizes) -> dict[str, float]:
    known: Any = import_module("benchmarks.workloads")
    client = import_module("benchmarks.client").Client()
    figures: dict[str, float] = {}
    await known.warm_up(client, sizes)
    for name in workloads:
        figures |= await known.WORKLOADS[name](client, sizes)
    client.close()
    return figures


if __name__ == "__main__":
    main(sys.argv[1].split(","), SIZES[sys.argv[2]], Path(sys.argv[3]))
