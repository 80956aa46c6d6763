import pytest

from console.presenters.text import duration, size


@pytest.mark.parametrize(
    "us, words",
    [
        (0, "0 µs"),
        (412, "412 µs"),
        (4_210, "4.21 ms"),
        (42_100, "42.1 ms"),
        (843_000, "843 ms"),
        (999_900, "1.00 s"),  # never "1000 ms"
        (1_920_000, "1.92 s"),
        (59_990_000, "1 m"),  # never "60.0 s"
        (114_000_000, "1 m 54 s"),
        (3_600_000_000, "1 h"),
        (10_920_000_000, "3 h 2 m"),
        (187_200_000_000, "2 d 4 h"),
    ],
)
def test_durations_have_three_digits_then_two_units(us, words):
    assert duration(us).replace("\u00a0", " ") == words


@pytest.mark.parametrize("count, words", [(20, "20 B"), (65_536, "64.0 KB"), (3_145_728, "3.00 MB")])
def test_sizes_read_as_a_person_says_them(count, words):
    assert size(count).replace("\u00a0", " ") == words
