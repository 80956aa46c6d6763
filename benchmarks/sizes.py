"""How much each workload does: the numbers of a full sitting, of a quick look, and of a test."""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The same for Signalbox and for every peer that is measured beside it."""

    runs: int = 2_000  # W1, W2: of each figure, unless the time is over before
    limit_seconds: float = 10.0
    in_flight: tuple[int, ...] = (50, 500)
    warm_up_runs: int = 50
    samples: int = 200  # W3
    long_runs: int = 5  # W4
    long_steps: int = 100
    branches: int = 1_000  # W5
    requests: int = 6_400  # W6: with one event each
    batch_requests: int = 640  # W6: with ``batch_events`` each
    batch_events: int = 100
    connections: int = 32
    memory_runs: int = 10_000  # W7: unless the time is over before
    memory_seconds: float = 15.0
    sleepers: int = 200  # W8
    waits: int = 10_000  # MATCH: of each kind

    def to_json(self) -> dict[str, object]:
        return asdict(self)


FULL = Sizes()
SIZES = {
    "full": FULL,
    "quick": replace(
        FULL,
        runs=300,
        limit_seconds=2.0,
        samples=50,
        long_runs=1,
        branches=200,
        requests=1_600,
        batch_requests=160,
        memory_runs=1_000,
        memory_seconds=2.0,
        sleepers=100,
    ),
    "tiny": Sizes(
        runs=10,
        in_flight=(5,),
        warm_up_runs=2,
        samples=5,
        long_runs=1,
        long_steps=5,
        branches=5,
        requests=16,
        batch_requests=8,
        batch_events=10,
        connections=4,
        memory_runs=20,
        sleepers=3,
        waits=30,
    ),
}
