"""The what-if replay against queues whose behaviour is known in closed form."""

import math
import random
from itertools import pairwise

import pytest

from orchestrator.core.gcra import Rate
from orchestrator.core.whatif import SECOND, Job, Rules, predict


def poisson(rate: float, jobs: int, seed: int, duration: float, keys: tuple[str, ...] = ()) -> list[Job]:
    chance = random.Random(seed)
    at = 0.0
    made = []
    for _ in range(jobs):
        at += chance.expovariate(rate)
        made.append(Job(int(at * SECOND), int(duration * SECOND), keys))
    return made


def mean(waits: object) -> float:
    values = list(waits)  # type: ignore[call-overload]
    return sum(values) / len(values)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_server_with_even_work_waits_as_the_formula_says(load: float) -> None:
    """M/D/1: half of what random work would wait."""
    predicted = predict(poisson(load, 30_000, seed=7, duration=1.0), Rules(workers=1))
    expected = load / (2 * (1 - load))
    assert mean(predicted.waits) == pytest.approx(expected, rel=0.15)
    assert predicted.busy == pytest.approx(load, rel=0.05)


def erlang_c(servers: int, load: float) -> float:
    offered = servers * load
    terms = [offered**k / math.factorial(k) for k in range(servers)]
    last = offered**servers / math.factorial(servers) / (1 - load)
    return last / (sum(terms) + last)


@pytest.mark.parametrize("servers, load", [(2, 0.7), (5, 0.8)])
def test_several_servers_wait_about_half_of_what_random_work_would(servers: int, load: float) -> None:
    """M/D/c: within some per cent of half the wait of M/M/c."""
    predicted = predict(poisson(servers * load, 30_000, seed=11, duration=1.0), Rules(workers=servers))
    random_work = erlang_c(servers, load) / (servers * (1 - load))
    assert mean(predicted.waits) == pytest.approx(random_work / 2, rel=0.2)


def test_a_limit_by_key_makes_each_key_a_queue_of_its_own() -> None:
    jobs = [Job(0, SECOND, (f"tenant|{n % 2}",)) for n in range(6)]
    assert list(predict(jobs, Rules(sizes={"tenant": 1})).waits) == [0, 0, 1, 1, 2, 2]
    assert list(predict(jobs, Rules(sizes={"tenant": 3})).waits) == [0] * 6


def test_a_throttle_spaces_the_starts() -> None:
    jobs = [Job(0, 1, (), ("starts|null",)) for _ in range(5)]
    waits = predict(jobs, Rules(rates={"starts": Rate.of(2, 1.0, 1)})).waits
    assert [round(later - earlier, 6) for earlier, later in pairwise(waits)] == [0.5] * 4


def test_what_never_arrived_never_waited() -> None:
    assert predict([], Rules(workers=3)).percentile(0.95) == 0
