"""``Cron`` and ``Every``: schedules as authors declare them with their functions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from orchestrator.core.codec import encode
from orchestrator.core.durations import Duration
from orchestrator.core.schedules import WINDOW, CatchUp, Overlap, Schedule, schedule_of


@dataclass(frozen=True, slots=True)
class Declared:
    """A schedule of a function. ``key`` is its name; without one it is named after the function."""

    schedule: Schedule
    payload: str | None = None  # JSON text
    key: str | None = None


class Timed:
    """What ``Cron`` and ``Every`` have in common: ``declared`` is what the engine keeps."""

    declared: Declared

    def __init__(self, schedule: Schedule, payload: Any, key: str | None) -> None:
        self.declared = Declared(schedule, None if payload is None else encode(payload), key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timed) and self.declared == other.declared

    def __hash__(self) -> int:
        return hash(self.declared)


class Cron(Timed):
    """A schedule by the clock on the wall of ``tz``: five fields, six with seconds first, or ``@daily``.

    Several expressions tick at each moment that one of them names, less what ``exclude`` names: crons, and days such
    as "2026-12-25". ``jitter`` puts each tick off by less than that, always by the same. ``overlap``: "allow", "skip",
    "buffer_one", "buffer_all", "cancel_other" or "terminate_other" what is under way. ``catch_up``: after a time in
    which no scheduler ran, "all" missed ticks, the "latest", or "none"; those later than ``window`` never.
    ``payload``: the run finds it as ``ctx.event.data["payload"]``. ``expected_within``: it is shown as overdue when no
    run has completed that long after a tick. ``key``: its name, when the function has several.
    Raises InvalidCron, InvalidSchedule, InvalidDuration.
    """

    def __init__(
        self,
        expression: str | Iterable[str],
        tz: str = "UTC",
        *,
        exclude: str | Iterable[str | date] = (),
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        jitter: Duration = 0,
        max_runs: int | None = None,
        overlap: Overlap | str = Overlap.ALLOW,
        catch_up: CatchUp | str = CatchUp.LATEST,
        window: Duration = WINDOW,
        pause_on_failure: bool = False,
        expected_within: Duration | None = None,
        payload: Any = None,
        key: str | None = None,
    ) -> None:
        schedule = schedule_of(
            cron=expression,
            tz=tz,
            exclude=exclude,
            start=start,
            end=end,
            jitter=jitter,
            max_runs=max_runs,
            overlap=overlap,
            catch_up=catch_up,
            window=window,
            pause_on_failure=pause_on_failure,
            expected_within=expected_within,
        )
        super().__init__(schedule, payload, key)

    def __repr__(self) -> str:
        return f"<Cron {', '.join(self.declared.schedule.to_json()['cron'])}>"


class Every(Timed):
    """A schedule that ticks every so often, counted from 1970 in UTC and ``offset`` later: ``Every("15m")``.

    The options are those of ``Cron``; ``tz`` is for ``exclude``. Raises InvalidSchedule, InvalidDuration.
    """

    def __init__(
        self,
        interval: Duration,
        *,
        offset: Duration = timedelta(),
        tz: str = "UTC",
        exclude: str | Iterable[str | date] = (),
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        jitter: Duration = 0,
        max_runs: int | None = None,
        overlap: Overlap | str = Overlap.ALLOW,
        catch_up: CatchUp | str = CatchUp.LATEST,
        window: Duration = WINDOW,
        pause_on_failure: bool = False,
        expected_within: Duration | None = None,
        payload: Any = None,
        key: str | None = None,
    ) -> None:
        schedule = schedule_of(
            every={"seconds": interval, "offset": offset},
            tz=tz,
            exclude=exclude,
            start=start,
            end=end,
            jitter=jitter,
            max_runs=max_runs,
            overlap=overlap,
            catch_up=catch_up,
            window=window,
            pause_on_failure=pause_on_failure,
            expected_within=expected_within,
        )
        super().__init__(schedule, payload, key)

    def __repr__(self) -> str:
        return f"<Every {self.declared.schedule.specs}>"
