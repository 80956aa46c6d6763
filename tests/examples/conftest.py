"""The examples on a real engine: its threads, its journal, the database of the suite."""

from collections.abc import Callable, Iterator

import pytest

from orchestrator import send
from orchestrator.api.queries.runs import RunFilter, get_run, list_runs
from orchestrator.api.values import Run
from orchestrator.core.ops import Status
from orchestrator.engine.host import EngineHost, start_engine
from tests.eventually import eventually

RunOf = Callable[[object], Run]
FINAL = [status for status in Status if status.final]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is configured on this machine, no test asks a language model that it has not started itself."""
    for name in ("LLM_BASE_URL", "LLM_API", "LLM_API_KEY", "LLM_MODEL", "GITHUB_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def engine(transactional_db: None) -> Iterator[EngineHost]:
    host = start_engine()
    yield host
    host.drain()


@pytest.fixture
def run_of(engine: EngineHost) -> RunOf:
    """Sends an event and answers the one run that it started, as the API shows it when it has ended."""

    def ended(payload: object) -> Run:
        started = RunFilter(event_id=send(payload), statuses=FINAL)
        [run] = eventually(lambda: list_runs(1, started).data, within_seconds=60)
        return get_run(1, run.id)

    return ended
