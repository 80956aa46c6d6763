"""Cron follows the clocks of its place, and its rule for the days when they are changed is the same in every zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.cron import Cron, describe, next_tick, ticks_between
from orchestrator.core.errors import InvalidCron

PARIS, NEW_YORK, LORD_HOWE, CAIRO = "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"
MINUTE = timedelta(minutes=1)


def walls(expression: str, tz: str, day: str) -> list[str]:
    """The ticks of one local day as its inhabitants read them, with the offset from UTC."""
    zone = ZoneInfo(tz)
    start = datetime.fromisoformat(day).replace(tzinfo=zone)
    end = (start.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    ticks = ticks_between(Cron(expression, tz), start - MINUTE, end - MINUTE, 100)
    return [tick.astimezone(zone).strftime("%H:%M%z") for tick in ticks]


@pytest.mark.parametrize(
    "tz, day, expression, expected",
    [
        # Paris 2026-03-29: 02:00 becomes 03:00
        (PARIS, "2026-03-29", "30 2 * * *", ["03:00+0200"]),  # left out: the first moment after the gap
        (PARIS, "2026-03-29", "0 2,3 * * *", ["03:00+0200"]),  # both at the same moment: once
        (PARIS, "2026-03-29", "15 1-4 * * *", ["01:15+0100", "03:00+0200", "03:15+0200", "04:15+0200"]),
        (PARIS, "2026-03-29", "*/30 2 * * *", []),  # a pattern only follows the clock
        (PARIS, "2026-03-29", "30 */2 * * *", [f"{h:02}:30+0{1 if h < 2 else 2}00" for h in range(0, 24, 2) if h != 2]),
        # Paris 2026-10-25: 03:00 becomes 02:00
        (PARIS, "2026-10-25", "30 2 * * *", ["02:30+0200"]),  # comes twice: the first time
        (PARIS, "2026-10-25", "*/30 2 * * *", ["02:00+0200", "02:30+0200", "02:00+0100", "02:30+0100"]),
        (PARIS, "2026-10-25", "0 3 * * *", ["03:00+0100"]),
        # New York 2026-03-08: 02:00 becomes 03:00
        (NEW_YORK, "2026-03-08", "5 2 * * *", ["03:00-0400"]),
        (NEW_YORK, "2026-03-08", "*/20 1-3 * * *", [f"{h}:{m}" for h, z in (("01", "-0500"), ("03", "-0400"))
                                                   for m in ("00" + z, "20" + z, "40" + z)]),
        # New York 2026-11-01: 02:00 becomes 01:00
        (NEW_YORK, "2026-11-01", "59 1 * * *", ["01:59-0400"]),
        (NEW_YORK, "2026-11-01", "30 */1 * * *",
         ["00:30-0400", "01:30-0400", *(f"{h:02}:30-0500" for h in range(1, 24))]),
        # Lord Howe 2026-10-04: 02:00 becomes 02:30; half an hour
        (LORD_HOWE, "2026-10-04", "15 2 * * *", ["02:30+1100"]),
        (LORD_HOWE, "2026-10-04", "45 2 * * *", ["02:45+1100"]),
        (LORD_HOWE, "2026-10-04", "*/15 2 * * *", ["02:30+1100", "02:45+1100"]),
        # Lord Howe 2026-04-05: 02:00 becomes 01:30
        (LORD_HOWE, "2026-04-05", "45 1 * * *", ["01:45+1100"]),
        (LORD_HOWE, "2026-04-05", "*/15 1 * * *",
         ["01:00+1100", "01:15+1100", "01:30+1100", "01:45+1100", "01:30+1030", "01:45+1030"]),
        # Cairo 2026-04-24: midnight becomes 01:00
        (CAIRO, "2026-04-24", "0 0 * * *", ["01:00+0300"]),
    ],
)  # fmt: skip
def test_days_when_clocks_are_changed(tz: str, day: str, expression: str, expected: list[str]) -> None:
    assert walls(expression, tz, day) == expected


def test_a_tick_of_the_first_pass_does_not_come_again_when_asked_in_the_second() -> None:
    second_pass = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 in Paris, for the second time
    assert next_tick(Cron("30 2 * * *", PARIS), second_pass) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_a_schedule_keeps_its_wall_time_in_summer_and_winter() -> None:
    cron = Cron("0 9 * * MON-FRI", PARIS)
    assert next_tick(cron, datetime(2026, 1, 1, 9, tzinfo=UTC)) == datetime(2026, 1, 2, 8, tzinfo=UTC)
    assert next_tick(cron, datetime(2026, 7, 3, 9, tzinfo=UTC)) == datetime(2026, 7, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "after, tick",
    [
        ("2026-01-01T08:59:59.999999", "2026-01-01T09:00:00"),
        ("2026-01-01T09:00:00", "2026-01-02T09:00:00"),  # later than, never at
        ("2026-01-01T09:00:00.000001", "2026-01-02T09:00:00"),
    ],
)
def test_the_next_tick_is_later_to_the_microsecond(after: str, tick: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert next_tick(Cron("0 9 * * *"), moment) == datetime.fromisoformat(tick).replace(tzinfo=UTC)


def test_ticks_between_leave_out_the_start_and_take_the_end() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    hours = [noon + timedelta(hours=n) for n in (1, 2, 3)]
    assert ticks_between(Cron("@hourly"), noon, hours[-1], 10) == hours
    assert ticks_between(Cron("@hourly"), noon, hours[-1], 2) == hours[:2]
    assert ticks_between(Cron("@hourly"), noon, noon, 10) == []


zones = st.sampled_from([PARIS, NEW_YORK, LORD_HOWE, CAIRO, "America/Havana", "Africa/Casablanca", "Asia/Kolkata"])
minutes = st.sampled_from(["*", "*/7", "*/30", "0", "15", "30,45", "59"])
hours = st.sampled_from(["*", "*/2", "0", "1", "2", "1-3", "0,23"])
changes_of_2026 = st.sampled_from(
    [(1, 1), (2, 15), (3, 8), (3, 22), (3, 29), (4, 5), (4, 24), (10, 4), (10, 25), (10, 29), (11, 1), (12, 31)]
)
expressions = st.builds("{} {} * * {}".format, minutes, hours, st.sampled_from(["*", "0", "SUN,FRI"]))


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


@settings(deadline=None, max_examples=150)
@given(expressions, zones, changes_of_2026, st.integers(0, 1440))
def test_ticks_agree_with_looking_at_the_clock_every_minute(
    expression: str, tz: str, day: tuple[int, int], late: int
) -> None:
    zone = ZoneInfo(tz)
    start = datetime(2026, *day, tzinfo=UTC) - timedelta(hours=12) + late * MINUTE
    end = start + timedelta(hours=24)
    looked_at = [start + n * MINUTE for n in range(1, 24 * 60 + 1)]
    named = set(CronSimUntil(expression, wall(start, zone) - timedelta(hours=4), wall(end, zone)))
    once = not any(field.startswith("*") for field in expression.split()[:2])
    expected = [m for m in looked_at if happens(m, zone, named, once)]
    assert ticks_between(Cron(expression, tz), start, end, 2000) == expected


class CronSimUntil(CronSim):
    """The wall times of an expression up to an end."""

    def __init__(self, expression: str, start: datetime, end: datetime) -> None:
        super().__init__(expression, start)
        self.end = end + timedelta(hours=4)

    def __next__(self) -> datetime:
        if (tick := super().__next__()) > self.end:
            raise StopIteration
        return tick


def happens(moment: datetime, zone: ZoneInfo, named: set[datetime], once: bool) -> bool:
    here, before = wall(moment, zone), wall(moment - MINUTE, zone)
    if not once:
        return here in named
    left_out = {before + n * MINUTE for n in range(1, (here - before) // MINUTE)}
    second_time = moment.astimezone(zone).fold == 1
    return (here in named and not second_time) or bool(left_out & named)


@pytest.mark.parametrize(
    "expression, tz, says",
    [
        ("", "UTC", "has 0 fields: write 5 fields"),
        ("* * * *", "UTC", "has 4 fields"),
        ("* * * * * * *", "UTC", "has 7 fields"),  # no years
        ("60 * * * * *", "UTC", "bad second"),
        ("61 * * * *", "UTC", "bad minute"),
        ("0 24 * * *", "UTC", "bad hour"),
        ("0 0 32 * *", "UTC", "bad day-of-month"),
        ("0 0 31 2 *", "UTC", "bad day-of-month"),  # February has no 31st
        ("0 0 * 13 *", "UTC", "bad month"),
        ("0 0 * * FRI-MON", "UTC", "bad day-of-week"),
        ("? * * * *", "UTC", "bad minute"),
        ("@reboot", "UTC", "has 1 fields"),
        ("@daily", "Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("@daily", "Europe", "no time zone"),  # a folder of the database
        ("@daily", "../etc/passwd", "no time zone"),
        ("@daily", "", "no time zone"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_the_reason(expression: str, tz: str, says: str) -> None:
    with pytest.raises(InvalidCron, match=says):
        Cron(expression, tz)


@given(st.text("0123456789*/,-LW#MON?@ ", max_size=20))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    try:
        cron = Cron(text)
    except InvalidCron:
        return
    assert next_tick(cron, datetime(2026, 1, 1, tzinfo=UTC)) > datetime(2026, 1, 1, tzinfo=UTC)
    assert describe(cron)


def test_blanks_do_not_matter() -> None:
    assert Cron(" 0  9\t* * * ") == Cron("0 9 * * *")


@pytest.mark.parametrize(
    "expression, words",
    [
        ("0 9 * * MON-FRI", "At 09:00, Monday through Friday (UTC)"),
        ("*/15 * * * *", "Every 15 minutes (UTC)"),
        ("@daily", "At 00:00 (UTC)"),
        ("0 12 * * 5L", "At 12:00, on the last Friday of the month (UTC)"),
    ],
)
def test_a_schedule_says_itself_in_words(expression: str, words: str) -> None:
    assert describe(Cron(expression)) == words
