"""The functions that can be started, in whichever process their code lives: who routes needs no author code."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from orchestrator.core.errors import UnknownFunction
from orchestrator.core.expecting import expected_of
from orchestrator.core.flow import NO_FLOW, Flow
from orchestrator.core.routing import Router, Trigger
from orchestrator.engine.journal.tx import Tx
from orchestrator.sdk.registry import Definition


@dataclass(frozen=True, slots=True)
class Registered:
    """A function of an environment."""

    env: int
    slug: str
    triggers: tuple[Trigger, ...]
    queue: str
    flow: Flow = NO_FLOW
    version: str = ""  # of the code that its new runs are pinned to; none when they move along
    kind: str = "function"
    expected: bool = False  # to complete again and again: when it last did is written down


class Catalog:
    """Routes by environment. Replaced as a whole by ``load``, read without a lock; ``loaded`` says whether it was."""

    def __init__(self) -> None:
        self.loaded = False
        self._functions: dict[tuple[int, str], Registered] = {}
        self._routers: dict[int, Router] = {}
        self._lock = threading.Lock()

    def load(self, functions: Iterable[Registered]) -> None:
        known = {(f.env, f.slug): f for f in functions}
        by_env: dict[int, list[tuple[str, Sequence[Trigger]]]] = {}
        for function in known.values():
            by_env.setdefault(function.env, []).append((function.slug, function.triggers))
        with self._lock:
            self._functions = known
            self._routers = {env: Router(entries) for env, entries in by_env.items()}
            self.loaded = True

    def router(self, env: int) -> Router:
        return self._routers.get(env) or Router([])

    def get(self, env: int, slug: str) -> Registered:
        """Raises UnknownFunction."""
        found = self._functions.get((env, slug))
        if found is None:
            known = ", ".join(sorted(s for e, s in self._functions if e == env)) or "none"
            raise UnknownFunction(f"no function {slug!r} is registered; known: {known}")
        return found

    def expects(self, env: int, slug: str) -> bool:
        """Whether somebody watches when that function last completed."""
        found = self._functions.get((env, slug))
        return found is not None and found.expected

    def queues(self) -> list[str]:
        return sorted({function.queue for function in self._functions.values()})

    def all(self) -> list[Registered]:
        return list(self._functions.values())


def registered(definition: Definition, version: str = "", env: int = 1) -> Registered:
    return Registered(
        env,
        definition.id,
        definition.triggers,
        definition.queue,
        definition.flow,
        version if definition.pinned else "",
        definition.kind,
        expected_of(definition.config) is not None,
    )


def read_catalog(tx: Tx) -> list[Registered]:
    """Every function that is registered by some process."""
    rows = tx.db.query(
        "SELECT env, slug, CAST(triggers AS text), CAST(config AS text), version, kind FROM signalbox_function"
        " WHERE removed_at IS NULL"
    )
    return [
        Registered(
            env,
            slug,
            tuple(Trigger.from_json(trigger) for trigger in orjson.loads(triggers)),
            config.get("queue", "default"),
            Flow.from_json(config.get("flow", {})),
            version if config.get("pinned") else "",
            kind,
            expected_of(config) is not None,
        )
        for env, slug, triggers, config, version, kind in ((*row[:3], orjson.loads(row[3]), *row[4:]) for row in rows)
    ]
