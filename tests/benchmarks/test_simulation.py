"""The simulation against what queueing theory knows in closed form, and against what must hold in any queue."""

from math import factorial

import pytest

from benchmarks.simulation import Installation, main, simulate

SERVICE = 0.001
RUNS = 60_000


def erlang_c(servers: int, load: float) -> float:
    """The share of arrivals that have to wait (Erlang C); ``load`` in erlang."""
    waiting = load**servers / factorial(servers) * servers / (servers - load)
    return waiting / (sum(load**k / factorial(k) for k in range(servers)) + waiting)


def mean_wait_mmc(servers: int, rate: float) -> float:
    return erlang_c(servers, rate * SERVICE) / (servers / SERVICE - rate)


def mean_wait_md1(rate: float) -> float:
    """Pollaczek-Khinchine for fixed service."""
    load = rate * SERVICE
    return load * SERVICE / (2 * (1 - load))


@pytest.mark.parametrize("rate", [300.0, 600.0, 800.0])
def test_one_worker_is_an_m_d_1_queue(rate: float) -> None:
    found = simulate(Installation(engine_seconds=SERVICE), rate=rate, runs=RUNS)
    assert found.wait_mean == pytest.approx(mean_wait_md1(rate), rel=0.08)
    assert found.throughput == pytest.approx(rate, rel=0.03)


@pytest.mark.parametrize("servers, rate", [(2, 1_200.0), (4, 3_200.0)])
def test_several_workers_are_an_m_m_c_queue(servers: int, rate: float) -> None:
    installation = Installation(workers=servers, engine_seconds=SERVICE)
    found = simulate(installation, rate=rate, runs=RUNS, service="exponential")
    assert found.wait_mean == pytest.approx(mean_wait_mmc(servers, rate), rel=0.1)


@pytest.mark.parametrize("servers, rate", [(2, 1_600.0), (4, 3_200.0)])
def test_several_workers_with_fixed_times_are_an_m_d_c_queue(servers: int, rate: float) -> None:
    """Cosmetatos: the mean wait of M/D/c from that of M/M/c, right within a few percent."""
    load = rate * SERVICE / servers
    correction = 1 + (1 - load) * (servers - 1) * ((4 + 5 * servers) ** 0.5 - 2) / (16 * servers * load)
    found = simulate(Installation(workers=servers, engine_seconds=SERVICE), rate=rate, runs=RUNS)
    assert found.wait_mean == pytest.approx(0.5 * correction * mean_wait_mmc(servers, rate), rel=0.12)


def test_too_many_arrivals_end_as_fast_as_the_workers_can() -> None:
    found = simulate(Installation(workers=2, engine_seconds=SERVICE), rate=5_000.0, runs=20_000)
    assert found.throughput == pytest.approx(2 / SERVICE, rel=0.02)


def test_a_commit_serves_all_that_wait_for_it() -> None:
    """One by one 2 ms a commit allow 500 runs a second; together they hardly hold them up."""
    installation = Installation(workers=4, engine_seconds=SERVICE, commit_seconds=0.002, row_seconds=0.00001)
    found = simulate(installation, rate=3_000.0, runs=20_000)
    assert found.throughput == pytest.approx(3_000.0, rel=0.03)
    assert 0.002 < found.total_p50 < 0.02


def test_the_database_is_the_limit_when_rows_cost_more_than_engines() -> None:
    installation = Installation(
        workers=16, engine_seconds=SERVICE, commit_seconds=0.001, row_seconds=0.0005, concurrency=20
    )
    found = simulate(installation, rate=8_000.0, runs=20_000)
    assert found.throughput == pytest.approx(2_000.0, rel=0.05)


def test_the_same_seed_gives_the_same_answer() -> None:
    installation = Installation(workers=3, engine_seconds=SERVICE, commit_seconds=0.001, steps=5)
    first, again, other = (simulate(installation, rate=900.0, runs=2_000, seed=seed) for seed in (7, 7, 8))
    assert first == again != other


def test_the_command_prints_its_prediction(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rate", "100", "--runs", "500"])
    assert "queue wait p50" in capsys.readouterr().out
