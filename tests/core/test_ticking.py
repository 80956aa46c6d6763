"""When schedules tick, what late ticks and overlapping ones become: on plain values."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import InvalidSchedule
from orchestrator.core.schedules import Overlap, Schedule, schedule_of, words
from orchestrator.core.ticking import (
    MOST_BUFFERED,
    Verdict,
    decide_overlap,
    next_ticks,
    overdue_since,
    put_off,
    tick_after,
    ticks_due,
    ticks_within,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)  # a Thursday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def clock(ticks: list[datetime]) -> list[str]:
    return [tick.strftime("%d %H:%M:%S") for tick in ticks]


def test_a_schedule_ticks_at_each_moment_one_of_its_times_names_and_none_is_left_out() -> None:
    schedule = schedule_of(cron=["0 9 * * *", "0 9,18 * * THU"], every="12h", exclude=["2026-01-03", "0 18 * * *"])
    assert clock(next_ticks(schedule, NOON, 5)) == [
        "02 00:00:00",
        "02 09:00:00",
        "02 12:00:00",
        "04 00:00:00",
        "04 09:00:00",
    ]


def test_six_fields_tick_by_the_second() -> None:
    assert clock(next_ticks(schedule_of(cron="*/20 0 12 * * *"), NOON, 3)) == [
        "01 12:00:20",
        "01 12:00:40",
        "02 12:00:00",
    ]


def test_an_interval_is_counted_from_1970_with_its_offset() -> None:
    schedule = schedule_of(every={"seconds": "6h", "offset": "5m"})
    assert clock(next_ticks(schedule, NOON, 3)) == ["01 12:05:00", "01 18:05:00", "02 00:05:00"]


def test_start_and_end_are_included() -> None:
    schedule = schedule_of(every="1h", start="2026-01-01T14:00:00Z", end="2026-01-01T15:00:00Z")
    assert clock(next_ticks(schedule, NOON, 9)) == ["01 14:00:00", "01 15:00:00"]
    assert clock(ticks_within(schedule_of(every="1h"), NOON, NOON + HOUR, 9)) == ["01 12:00:00", "01 13:00:00"]


def test_exclusions_that_leave_nothing_over_end_the_schedule() -> None:
    assert tick_after(schedule_of(cron="0 0 1 1 *", exclude="0 0 * * *"), NOON) is None


@pytest.mark.parametrize(
    "tz, day, ticks",
    [
        # the gap: 02:30 does not come, so the first moment after it; an hour later there is nothing to do again
        ("Europe/Berlin", "2026-03-29", ["03:00+0200"]),
        ("America/New_York", "2026-03-08", ["03:00-0400"]),
        ("Australia/Lord_Howe", "2026-10-04", ["02:30+1100"]),  # half an hour: 02:30 is its end
        # the repeat: 02:30 (01:30 in New York, 01:45 on Lord Howe) comes twice and happens once
        ("Europe/Berlin", "2026-10-25", ["02:30+0200"]),
        ("America/New_York", "2026-11-01", ["01:30-0400", "02:30-0500"]),
        ("Australia/Lord_Howe", "2026-04-05", ["01:30+1100", "02:30+1030"]),
    ],
)
def test_days_when_clocks_are_changed(tz: str, day: str, ticks: list[str]) -> None:
    zone = ZoneInfo(tz)
    start = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)
    crons = "30 2 * * *" if len(ticks) == 1 else "30 1,2 * * *"
    found = ticks_within(schedule_of(cron=crons, tz=tz), start, start + 23 * HOUR, 9)
    assert [tick.astimezone(zone).strftime("%H:%M%z") for tick in found] == ticks


@given(st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]), st.integers(0, 23))
def test_a_daily_tick_comes_once_on_each_day_of_the_year(tz: str, hour: int) -> None:
    zone = ZoneInfo(tz)
    start = datetime(2026, 1, 1, tzinfo=zone).astimezone(UTC)
    ticks = next_ticks(schedule_of(cron=f"30 {hour} * * *", tz=tz), start - MINUTE, 365)
    assert len({tick.astimezone(zone).date() for tick in ticks}) == 365


schedules = st.builds(
    schedule_of,
    cron=st.lists(
        st.sampled_from(["*/7 * * * *", "0 9 * * MON", "30 2 L * *", "@daily", "15 */6 * * * *"]), max_size=2
    ),
    every=st.lists(st.sampled_from(["45s", "17m", "1 day"]), min_size=1, max_size=2),
    exclude=st.lists(st.sampled_from(["2026-03-29", "* 3 * * *", "0 0 * * *"]), max_size=2),
    tz=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    jitter=st.sampled_from([0, "30s", "2h"]),
)
moments = st.integers(0, 365 * 24 * 60).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + n * MINUTE)


@given(schedules, moments)
def test_ticks_grow_and_jitter_keeps_their_order(schedule: Schedule, after: datetime) -> None:
    ticks = next_ticks(schedule, after, 4)
    assert ticks == sorted(set(ticks))
    assert all(tick > after for tick in ticks)
    happen = [put_off(schedule, "s", tick) for tick in ticks]
    assert happen == sorted(set(happen))
    assert happen == [put_off(schedule, "s", tick) for tick in ticks]
    for tick, moment in zip(ticks, happen, strict=True):
        assert tick <= moment <= tick + schedule.jitter


@given(schedules)
def test_a_schedule_is_the_same_after_it_was_stored(schedule: Schedule) -> None:
    assert schedule_of(**schedule.to_json()) == schedule
    assert words(schedule)


def test_jitter_differs_from_schedule_to_schedule() -> None:
    schedule = schedule_of(every="1h", jitter="30m")
    assert len({put_off(schedule, f"s{n}", NOON) for n in range(50)}) == 50


@pytest.mark.parametrize(
    "options, away, runs, missed",
    [
        ({"catch_up": "all"}, 5 * HOUR, 6, 0),  # noon and five more
        ({"catch_up": "latest"}, 5 * HOUR, 1, 5),
        ({"catch_up": "none"}, 5 * HOUR + 5 * MINUTE, 0, 6),
        ({"catch_up": "none"}, 5 * HOUR + MINUTE, 1, 5),  # the last one is on time still
        ({"catch_up": "all", "window": "2h"}, 5 * HOUR, 3, 3),
        ({"catch_up": "latest", "window": "30m"}, 5 * HOUR + 45 * MINUTE, 0, 6),
        ({"catch_up": "latest", "jitter": "50m"}, 5 * HOUR + 59 * MINUTE, 1, 5),
    ],
)
def test_late_ticks_are_caught_up_by_the_policy(
    options: dict[str, Any], away: timedelta, runs: int, missed: int
) -> None:
    schedule = schedule_of(every="1h", **options)
    due = ticks_due(schedule, "s", NOON, NOON + away)
    assert (len(due.run), len(due.missed)) == (runs, missed)
    assert due.next == NOON + 6 * HOUR
    assert sorted([*due.missed, *due.run])[0] == NOON


def test_years_of_missed_ticks_are_not_counted_one_by_one() -> None:
    now = NOON + 3650 * DAY
    due = ticks_due(schedule_of(every="1s", catch_up="latest"), "s", NOON, now)
    assert len(due.missed) < 3_000
    assert due.next is not None
    assert due.next > now - DAY


@pytest.mark.parametrize(
    "policy, running, buffered, verdict",
    [
        (Overlap.SKIP, 0, 0, Verdict.START),
        (Overlap.SKIP, 1, 0, Verdict.SKIP),
        (Overlap.BUFFER_ONE, 1, 0, Verdict.BUFFER),
        (Overlap.BUFFER_ONE, 1, 1, Verdict.SKIP),
        (Overlap.BUFFER_ONE, 0, 1, Verdict.SKIP),  # the one that waits goes first
        (Overlap.BUFFER_ALL, 1, 7, Verdict.BUFFER),
        (Overlap.BUFFER_ALL, 1, MOST_BUFFERED, Verdict.SKIP),
        (Overlap.CANCEL_OTHER, 1, 0, Verdict.CANCEL),
        (Overlap.TERMINATE_OTHER, 2, 0, Verdict.TERMINATE),
        (Overlap.ALLOW, 5, 0, Verdict.START),
    ],
)
def test_overlapping_ticks(policy: Overlap, running: int, buffered: int, verdict: Verdict) -> None:
    decided, reason = decide_overlap(policy, running, buffered)
    assert decided is verdict
    assert bool(reason) == (verdict in (Verdict.SKIP, Verdict.BUFFER, Verdict.CANCEL))


def test_a_schedule_is_overdue_when_nothing_has_completed_in_time() -> None:
    schedule = schedule_of(cron="0 13 * * *", expected_within="2h")
    assert overdue_since(schedule, NOON, NOON + 3 * HOUR - MINUTE) is None
    assert overdue_since(schedule, NOON, NOON + 3 * HOUR) == NOON + 3 * HOUR
    assert overdue_since(schedule, NOON, NOON + 9 * DAY) == NOON + 3 * HOUR
    assert overdue_since(schedule_of(cron="0 13 * * *"), NOON, NOON + 9 * DAY) is None


@pytest.mark.parametrize(
    "options, says",
    [
        ({}, "needs a time"),
        ({"every": "500ms"}, "at least one second"),
        ({"every": {"seconds": 60, "offset": 60}}, "offset"),
        ({"every": {"minutes": 1}}, "is written"),
        ({"every": "1h", "overlap": "wait"}, "none of skip, buffer_one"),
        ({"every": "1h", "catch_up": "some"}, "none of all, latest, none"),
        ({"every": "1h", "max_runs": 0}, "max_runs"),
        ({"every": "1h", "start": "2026-01-01T00:00"}, "time zone"),
        ({"every": "1h", "start": "soon"}, "no moment"),
        ({"every": "1h", "start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "ends after"),
        ({"cron": ["* * * * *"] * 51}, "at most 50"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_the_reason(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidSchedule, match=says):
        schedule_of(**options)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"cron": "0 9 * * MON", "tz": "Europe/Paris"}, "At 09:00, only on Monday (Europe/Paris)"),
        ({"cron": "@daily", "every": "15m"}, "At 00:00; Every 15 m (UTC)"),
        ({"every": {"seconds": "6h", "offset": "5m"}, "exclude": "2026-12-25"},
         "Every 6 h, 5 m after (UTC), with 1 exclusion"),
    ],
)  # fmt: skip
def test_a_schedule_says_itself_in_words(options: dict[str, Any], said: str) -> None:
    assert words(schedule_of(**options)) == said
