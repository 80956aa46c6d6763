"""What the engine knows of a run it holds, and what it learns when it claims one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.core.machine import Drained
from orchestrator.core.ops import CallRequest


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run held under ``fence``."""

    id: str
    env: int
    function: str
    fence: int
    attempt: int
    root: str
    parent: str | None
    parent_key: str | None
    replay_of: str | None
    queue: str
    version: str
    queued_at: datetime
    started_at: datetime
    lost: int = 0  # workers that died while they held it


@dataclass(slots=True)
class Claimed:
    """A run that was claimed. ``request`` is None when its coroutine waits in memory."""

    facts: RunFacts
    request: CallRequest | None
    drained: Drained = field(default_factory=Drained)
    mail: list[tuple[int, str, Any]] = field(default_factory=list)  # signals nobody has waited for yet
    waits: Mapping[str, Any] = field(default_factory=dict)  # core.machine.OpenWait by key, those still open
    wakes_at: datetime | None = None  # claimed ahead of the end of its sleep: it goes on then
