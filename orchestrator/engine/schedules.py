"""Crons: one run a tick, however many schedulers look (the tick's key is used once)."""

from datetime import datetime, timedelta

from orchestrator.core.cron import Cron, next_tick
from orchestrator.core.ids import derived_id
from orchestrator.core.moments import iso
from orchestrator.engine.catalog import Registered
from orchestrator.engine.journal.items import Start
from orchestrator.engine.rows import KeyRow
from orchestrator.engine.starting import KEY_LIFE, Starting, envelope, event_row

TIMER_EVENT = "signalbox/scheduled.timer"
LOOK_BACK = timedelta(seconds=60)  # ticks missed while no scheduler ran, by at most that much, are made up


class Ticker:
    """Remembers the next tick of each cron; ``due`` gives the starts of those that passed."""

    def __init__(self, starting: Starting) -> None:
        self._starting = starting
        self._next: dict[tuple[int, str, Cron], datetime] = {}

    def due(self, now: datetime) -> list[Start]:
        crons = {
            (function.env, function.slug, trigger.cron): function
            for function in self._starting.catalog.all()
            for trigger in function.triggers
            if trigger.cron is not None
        }
        self._next = {key: tick for key, tick in self._next.items() if key in crons}
        starts = []
        for key, function in crons.items():
            tick = self._next.get(key) or next_tick(key[2], now - LOOK_BACK)
            while tick <= now:
                starts.append(self._start(function, key[2], tick, now))
                tick = next_tick(key[2], tick)
            self._next[key] = tick
        return starts

    def next_due(self) -> datetime | None:
        return min(self._next.values(), default=None)

    def _start(self, function: Registered, cron: Cron, tick: datetime, now: datetime) -> Start:
        id_ = derived_id(tick, str(function.env), function.slug, cron.expression, cron.tz)
        data = {"cron": cron.expression, "tz": cron.tz, "scheduled_at": iso(tick)}
        row = event_row(id_, function.env, TIMER_EVENT, data, now, ts=tick, source="engine")
        payload = envelope(row, data)
        new = self._starting.run(function.env, function.slug, trigger="cron", now=now, events=[payload])
        scope = f"cron:{function.slug}"[:255]
        key = KeyRow(function.env, scope, f"{cron.expression} {cron.tz} {iso(tick)}"[:255], id_, now + KEY_LIFE)
        return Start(row, payload, [new], key, ref=id_)
