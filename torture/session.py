"""One run of the torture: start, break, heal, wait for the end, compare."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from torture.comparison import differences
from torture.database import Database
from torture.driver import Driver
from torture.faults import Faults, Targets
from torture.findings import Findings, read_findings
from torture.invariants import FINAL, broken_invariants
from torture.processes import START_SECONDS, Installation
from torture.programs import random_programs
from torture.servers import PostgresCluster, RedisServer, find_postgres, find_redis, free_port
from torture.site import Site, answers
from torture.waiting import until
from torture.witness import VARIABLE

logger = logging.getLogger(__name__)
OPEN = f"SELECT status, count(*) FROM signalbox_run WHERE status NOT IN {FINAL} GROUP BY status"
INBOX = "SELECT count(*) FROM signalbox_inbox"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for on the command line."""

    seed: int
    seconds: float
    runs: int
    folder: Path
    database_url: str = ""
    broker_url: str = ""
    postgres: bool = False  # a throwaway one
    redis: bool = False
    killers: int = 1
    signals: int = 0  # at least
    faults: tuple[str, ...] = ()  # their names begin so; none: all that are possible
    pauses: tuple[float, float] = (2.0, 8.0)
    freeze_seconds: float = 8.0
    outage_seconds: float = 12.0
    drain_seconds: float = 300.0
    lease_seconds: int = 5


@dataclass(slots=True)
class Result:
    """``differences`` is empty when all is exact."""

    faults: Counter[str] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


def torture(plan: Plan) -> Result:
    """Whatever is started is ended; the folder with the logs stays."""
    result = Result()
    with _servers(plan) as (cluster, redis):
        url = cluster.url if cluster else plan.database_url
        broker = redis.url if redis else plan.broker_url
        env = {VARIABLE: str(plan.folder / "witness"), "TORTURE_LEASE_SECONDS": str(plan.lease_seconds)}
        env |= {"DATABASE_URL": url} if url else {}
        env |= {"BROKER_URL": broker} if broker else {}
        installation = Installation(plan.folder, env, free_port())
        database = Database(url or None, plan.folder)
        if database.rows("SELECT id FROM signalbox_run LIMIT 1"):
            raise RuntimeError("the database of DATABASE_URL has runs already: give the torture one of its own")
        site = Site(installation.url)
        programs = random_programs(plan.seed, plan.runs, killers=plan.killers, signals=plan.signals)
        driver = Driver(site, database, programs, plan.seed)
        targets = Targets(installation, driver, cluster, redis, plan.freeze_seconds, plan.outage_seconds)
        try:
            _break(plan, Faults(targets, plan.seed, plan.pauses, plan.faults), result)
            _settle(plan, database, driver, installation, result)
            _compare(plan, database, driver, result, postgres=bool(url))
        finally:
            driver.close()
            installation.end()
        result.answers = site.answers
        result.differences += [*driver.failures, *site.wrong]
        for process in installation.processes.values():
            if process.stuck:
                result.differences.append(f"{process.name} did not end by SIGTERM {process.stuck} times")
    return result


@contextmanager
def _servers(plan: Plan) -> Iterator[tuple[PostgresCluster | None, RedisServer | None]]:
    cluster = redis = None
    try:
        if plan.postgres:
            programs = find_postgres()
            if programs is None:
                raise RuntimeError("PostgreSQL's programs are not installed: there is no initdb")
            cluster = PostgresCluster(programs)
        if plan.redis:
            program = find_redis()
            if program is None:
                raise RuntimeError("redis-server is not installed")
            redis = RedisServer(program)
        yield cluster, redis
    finally:
        if redis:
            redis.stop()
        if cluster:
            cluster.remove()


def _break(plan: Plan, faults: Faults, result: Result) -> None:
    targets = faults.targets
    faults.revive()
    faults.died_by_themselves.clear()
    site = targets.installation.url
    if not until(lambda: answers(site), within_seconds=START_SECONDS):
        raise RuntimeError(f"the installation does not answer; its logs are in {plan.folder}")
    targets.driver.start(plan.seconds * 0.9)
    faults.run(plan.seconds)
    result.faults, result.restarts = faults.done, faults.died_by_themselves


def _settle(plan: Plan, database: Database, driver: Driver, installation: Installation, result: Result) -> None:
    """All programs have started, and all runs have ended; whoever dies by itself is started again."""

    def settled() -> bool:
        result.restarts.update(installation.start_what_is_dead())
        rest = database.rows_if_there(INBOX)
        return driver.idle and rest == [(0,)] and not database.rows(OPEN)

    if not until(settled, within_seconds=plan.drain_seconds, every_seconds=0.5):
        left: dict[str, int] = dict(database.rows(OPEN))
        result.differences.append(f"not settled after {plan.drain_seconds:.0f} s: {left}, driver idle: {driver.idle}")


def _compare(plan: Plan, database: Database, driver: Driver, result: Result, *, postgres: bool) -> None:
    findings = read_findings(database, plan.folder / "witness", postgres=postgres)
    result.differences += broken_invariants(database)
    result.differences += differences(findings, driver.programs, driver.done)
    result.counts = _counts(findings, driver)


def _counts(findings: Findings, driver: Driver) -> dict[str, int]:
    attempts = [row for run in findings.runs.values() for rows in run.attempts.values() for row in rows]
    return {
        "programs": len(driver.programs),
        "runs": len(findings.runs),
        "replays": len(driver.done.forks),
        "events": len(findings.events),
        "signals": len(driver.done.signals),
        "attempts of bodies": len(attempts),
        "attempts lost with their worker": sum(row.status == "lost" for row in attempts),
        "bodies that came to their end": sum(
            len(lines) for run in findings.runs.values() for lines in run.lines.values()
        ),
        "transactions": sum(len(run.bookings) for run in findings.runs.values()),
    }
