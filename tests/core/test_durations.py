"""Durations are read as people write them and shown as people read them."""

import math
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.durations import LONGEST, format_duration, parse_duration
from orchestrator.core.errors import InvalidDuration


@pytest.mark.parametrize(
    "written, meant",
    [
        ("3 days", timedelta(days=3)),
        ("1 day", timedelta(days=1)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1h 30m", timedelta(hours=1, minutes=30)),
        ("1 hour, 30 minutes", timedelta(hours=1, minutes=30)),
        ("1 hour and 30 minutes", timedelta(hours=1, minutes=30)),
        ("2 weeks", timedelta(weeks=2)),
        ("1w2d3h", timedelta(weeks=1, days=2, hours=3)),  # as the SDKs of Inngest write them
        ("90s", timedelta(seconds=90)),
        ("90", timedelta(seconds=90)),  # a bare number is seconds, as text too
        ("1.5", timedelta(seconds=1.5)),
        ("500ms", timedelta(milliseconds=500)),
        ("250 µs", timedelta(microseconds=250)),
        ("1.5h", timedelta(minutes=90)),
        ("0.1s", timedelta(milliseconds=100)),
        ("  5 MIN ", timedelta(minutes=5)),  # blanks around it and capitals
        ("0s", timedelta()),
        ("PT5M", timedelta(minutes=5)),
        ("P1DT12H", timedelta(hours=36)),
        ("P2W", timedelta(weeks=2)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("pt1h30m", timedelta(minutes=90)),
        (90, timedelta(seconds=90)),
        (0.25, timedelta(milliseconds=250)),
        (timedelta(hours=1), timedelta(hours=1)),
        (LONGEST, LONGEST),
    ],
)
def test_a_duration_means_what_it_says(written: Any, meant: timedelta) -> None:
    assert parse_duration(written) == meant


@pytest.mark.parametrize(
    "written, says",
    [
        ("", "is not a duration"),
        ("soon", "is not a duration"),
        ("3 fortnights", "is not a duration"),
        ("3 days later", "is not a duration"),
        ("1h,", "is not a duration"),  # something is missing
        ("1h and", "is not a duration"),
        ("h", "is not a duration"),
        ("1.2.3s", "is not a duration"),
        ("1e3s", "is not a duration"),
        ("inf", "is not a duration"),
        ("nan", "is not a duration"),
        ("٣s", "is not a duration"),  # digits of other scripts
        ("1h -30m", "is not a duration"),
        ("--1h", "is not a duration"),
        ("P", "is not a duration"),
        ("PT", "is not a duration"),
        ("P1M", "is not a duration"),  # a month has no fixed length
        ("P1Y", "is not a duration"),
        ("-1h", "is negative"),
        ("-PT1H", "is negative"),
        (-1, "is negative"),
        (timedelta(seconds=-1), "is negative"),
        (math.nan, "is not a duration"),
        (math.inf, "is too long"),
        (10**400, "is too long"),  # more than a float holds
        ("999999999999999w", "is too long"),
        (LONGEST + timedelta(seconds=1), "is too long"),
        (True, "is a bool"),
        (None, "is a NoneType"),
    ],
)
def test_what_is_not_a_duration_is_refused_by_name(written: Any, says: str) -> None:
    with pytest.raises(InvalidDuration, match=says) as caught:
        parse_duration(written)
    assert repr(written)[:60] in str(caught.value)


def test_the_refusal_names_the_accepted_forms() -> None:
    with pytest.raises(InvalidDuration, match='write "3 days", "1h30m"'):
        parse_duration("soon")


@given(st.text(max_size=40) | st.floats() | st.integers())
def test_anything_is_a_duration_or_refused(written: str | float) -> None:
    with suppress(InvalidDuration):
        assert timedelta() <= parse_duration(written) <= LONGEST


@given(st.integers(0, 300), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_parts_add_up(days: int, hours: int, minutes: int, seconds: int, ms: int) -> None:
    meant = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=ms)
    assert parse_duration(f"{days}d{hours}h{minutes}m{seconds}s{ms}ms") == meant
    assert parse_duration(f"P{days}DT{hours}H{minutes}M{seconds}.{ms:03}S") == meant


@pytest.mark.parametrize(
    "duration, shown",
    [
        (timedelta(), "0 ms"),
        (timedelta(microseconds=300), "0.3 ms"),
        (timedelta(microseconds=5250), "5.2 ms"),
        (timedelta(milliseconds=843, microseconds=400), "843 ms"),
        (timedelta(milliseconds=999, microseconds=600), "1 s"),  # never "1000 ms"
        (timedelta(seconds=1.924), "1.92 s"),
        (timedelta(seconds=9.999), "10 s"),
        (timedelta(seconds=12.34), "12.3 s"),
        (timedelta(seconds=59.96), "1 m"),  # never "60 s"
        (timedelta(seconds=114), "1 m 54 s"),
        (timedelta(seconds=3599.7), "1 h"),  # never "60 m"
        (timedelta(hours=3, minutes=2, seconds=50), "3 h 2 m"),
        (timedelta(hours=23, minutes=59, seconds=59.8), "1 d"),
        (timedelta(days=2, hours=4, minutes=30), "2 d 4 h"),
        (timedelta(days=400), "400 d"),
        (timedelta(seconds=-90), "-1 m 30 s"),  # clocks of two machines
    ],
)
def test_a_duration_is_shown_with_its_two_largest_units(duration: timedelta, shown: str) -> None:
    assert format_duration(duration) == shown


@given(st.timedeltas(timedelta(), LONGEST))
def test_what_is_shown_can_be_read_and_is_close(duration: timedelta) -> None:
    read = parse_duration(format_duration(duration))
    assert abs(read - duration) <= max(duration * 0.05, timedelta(microseconds=51))
