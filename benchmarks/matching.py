"""One repetition, in a process of its own: ``python -m benchmarks.matching MATCH full FILE``.

Events for a name that very many runs wait for. The waits are written as the engine writes them; no run is executed.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import django
from django.core.management import call_command

from benchmarks.sizes import SIZES, Sizes

KEYED, ASKED, OTHER = "match/keyed", "match/asked", "match/other"


def main(sizes: Sizes, result: Path) -> None:
    """Writes ``{"figures": ..., "database": ..., "packages": ...}``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    facts = import_module("benchmarks.database").database_facts
    result.write_text(json.dumps({"figures": figures(sizes), **facts()}))


def figures(sizes: Sizes) -> dict[str, float]:
    events = import_module("orchestrator.models").Event.objects
    runtime = import_module("orchestrator.engine.runtime").current()
    _send(OTHER, 0)
    env = events.get().env
    _open(env, KEYED, [f"data.n == {n} && data.total > 5" for n in range(sizes.waits)])
    _open(env, ASKED, [f"data.n > {n} && data.total > 5" for n in range(sizes.waits)])

    found = {
        "match_none_ms": median(_send(OTHER, n) for n in range(sizes.samples)) * 1e3,
        "match_keyed_ms": median(_send(KEYED, n) for n in range(sizes.samples)) * 1e3,
        "match_asked_ms": _send(ASKED, sizes.waits) * 1e3,
    }
    begin, meanwhile = perf_counter(), [_send(OTHER, 0)]
    runtime.route_soon()
    while events.filter(routed_at=None).exists():
        meanwhile.append(_send(OTHER, 0))
    assert import_module("orchestrator.models").Inbox.objects.count() == sizes.waits + min(sizes.samples, sizes.waits)
    return found | {"match_rest_s": perf_counter() - begin, "match_meanwhile_ms": max(meanwhile) * 1e3}


def _send(name: str, n: int) -> float:
    send: Any = import_module("orchestrator").send
    begin = perf_counter()
    send(name, {"n": n, "total": 10, "customer": "c1", "note": "paid"})
    return perf_counter() - begin


def _open(env: int, name: str, conditions: list[str]) -> None:
    plan_match = import_module("orchestrator.core.matching").plan_match
    clock = import_module("orchestrator.engine.clock").system_clock
    waits = import_module("orchestrator.models").Wait
    rows = []
    for condition in conditions:
        plan, now = plan_match(condition, None), clock.now()
        row = {"run": clock.new_id(), "key": "w", "kind": "event", "env": env, "name": name, "created_at": now}
        rows.append(waits(**row, eq=plan.eq, expr=plan.expr))
    waits.objects.bulk_create(rows, batch_size=500)


if __name__ == "__main__":
    main(SIZES[sys.argv[2]], Path(sys.argv[3]))
