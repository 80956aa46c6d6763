"""Limits seen, changed and previewed in the admin; keys; the record of it all."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client, override_settings

from orchestrator import Concurrency, TaskContext, Throttle, task
from orchestrator.admin.recorded import recorded
from orchestrator.engine.clock import system_clock
from orchestrator.models import Audit, Expectation, Key, LimitOverride, Run, Worker
from orchestrator.models.fields import to_micros
from tests.console.factories import fresh_id
from tests.engine.conftest import StartEngine, functions, start
from tests.engine.gates import Gate
from tests.engine.reading import completed, run_row, soon

__all__ = ["functions", "start"]
LIMIT = "/admin/orchestrator/limit/on/concurrency:guarded:0"
PLACES = "/admin/orchestrator/limit/places/default"


@pytest.fixture
def operator(transactional_db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


@pytest.fixture
def hold() -> Gate:
    return Gate()


def declare(hold: Gate) -> Any:
    @task(flow=[Concurrency(1), Throttle(1000, "1s", burst=1000)])
    async def guarded(ctx: TaskContext) -> str:
        await ctx.step.run("wait", hold.apass_through)
        return "done"

    return guarded


def row(page: str, what: str) -> list[str]:
    """The cells of a row of the preview's table."""
    found = re.search(rf'<th scope="row">{what}</th>((?:<td>[^<]*</td>)+)', page)
    assert found is not None, what
    return re.findall("<td>([^<]*)</td>", found[1])


def took_us(run: str) -> int:
    found = run_row(run)
    assert found.started_at is not None
    assert found.ended_at is not None
    return to_micros(found.ended_at) - to_micros(found.started_at)


def text(client: Client, path: str, **data: Any) -> str:
    response = client.post(path, data, follow=True) if data else client.get(path)
    assert response.status_code == 200, response.content
    return str(response.content.decode())


def test_a_raised_limit_lets_waiting_runs_start_and_is_on_record(
    start: StartEngine, operator: Client, hold: Gate
) -> None:
    guarded = declare(hold)
    start()
    runs = [guarded.trigger() for _ in range(3)]
    soon(lambda: Run.objects.exclude(gate=None).count() == 2)
    assert "concurrency:guarded:0" in text(operator, "/admin/orchestrator/limit/")
    page = text(operator, LIMIT)
    assert "1 in use" in page
    assert "2 waiting" in page

    page = text(operator, LIMIT, limit=3, reason="sale", expires_in="2h", save="Save")
    assert "The limit is 3 from now on." in page
    soon(lambda: Run.objects.filter(status="running").count() == 3)
    override = LimitOverride.objects.get()
    assert timedelta(hours=1) < override.expires_at - system_clock.now() < timedelta(hours=3)  # type: ignore[operator]
    audit = Audit.objects.get(action="limit.override")
    assert (audit.actor, audit.reason, audit.before, audit.after["limit"]) == ("ann", "sale", None, 3)  # type: ignore[index]
    assert "limit.override" in text(operator, "/admin/orchestrator/audit/")

    text(operator, LIMIT, restore="1")
    assert not LimitOverride.objects.exists()
    hold.open()
    assert {completed(run) for run in runs} == {"done"}


def test_a_preview_tells_what_the_change_would_have_done(start: StartEngine, operator: Client, hold: Gate) -> None:
    guarded = declare(hold)
    hold.open()
    start()
    assert "nothing to replay" in text(operator, LIMIT, limit=2, reason="-", preview="Preview")
    for run in [guarded.trigger() for _ in range(12)]:
        completed(run)
    page = text(operator, LIMIT, limit=12, reason="-", preview="Preview")
    assert "Wait, 95th percentile" in page
    assert not LimitOverride.objects.exists()


def test_a_preview_compares_numbers_of_places(start: StartEngine, operator: Client, hold: Gate) -> None:
    guarded = declare(hold)
    hold.open()
    start(CONCURRENCY=50)
    for run in [guarded.trigger() for _ in range(5)]:
        completed(run)
    listed = text(operator, "/admin/orchestrator/limit/")
    assert f'href="{PLACES}"' in listed
    assert "<td>50</td>" in listed
    assert "50 at once on each: <strong>50 places</strong>" in text(operator, PLACES)

    page = text(operator, PLACES, places=2, preview="Preview")
    assert row(page, "Places of execution") == ["50", "2"]
    before, after = (float(cell.rstrip("%")) for cell in row(page, "Utilisation"))
    assert before < after
    page = text(operator, LIMIT, limit=3, places=1, preview="Preview")  # a look needs no reason
    assert row(page, "Places of execution") == ["50", "1"]
    assert not LimitOverride.objects.exists()
    assert "greater than or equal to 1" in text(operator, PLACES, places=0, preview="Preview")
    assert "whole number" in text(operator, LIMIT, limit=3, places="many", preview="Preview")


def test_places_are_the_sum_of_what_each_live_worker_has_told(start: StartEngine, operator: Client) -> None:
    start(CONCURRENCY=50)
    [mine] = Worker.objects.values_list("concurrency", flat=True)
    assert mine == 50
    settings = django_settings.ORCHESTRATOR | {"CONCURRENCY": 7}
    alive = {"pid": 1, "started_at": datetime.now(UTC), "expires_at": datetime.now(UTC) + timedelta(hours=1)}
    for host, places in (("large", 200), ("of-the-version-before", None)):
        Worker.objects.create(id=fresh_id(), host=host, queues=["default"], concurrency=places, **alive)
    with override_settings(ORCHESTRATOR=settings):
        assert "7 to 200 at once on each: <strong>257 places</strong>" in text(operator, PLACES)
    listed = text(operator, "/admin/orchestrator/worker/")
    assert '<td class="field-concurrency">200</td>' in listed


def test_places_that_nobody_has_limit_nothing(start: StartEngine, operator: Client, hold: Gate) -> None:
    guarded = declare(hold)
    hold.open()
    start()
    completed(guarded.trigger())
    start.drain()
    page = text(operator, PLACES, places=1, preview="Preview")
    assert "No worker is alive for default now." in page
    assert row(page, "Places of execution") == ["-", "1"]
    assert row(page, "Utilisation")[0] == "-"


def test_a_run_that_sleeps_uses_no_place_meanwhile(start: StartEngine, operator: Client) -> None:
    @task(flow=[Concurrency(1)])
    async def nap(ctx: TaskContext) -> None:
        await ctx.step.sleep("rest", "1s")

    start()
    run = nap.trigger()
    completed(run)
    [job] = recorded(["default"], ["nap"]).jobs  # type: ignore[union-attr]
    assert job.duration < 900_000 < 1_000_000 <= took_us(run)


def test_a_rare_function_is_found_among_many_runs_of_others(
    start: StartEngine, operator: Client, hold: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest runs have none of it: then its own are replayed alone."""
    guarded = declare(hold)
    hold.open()

    @task()
    async def busy(ctx: TaskContext) -> None: ...

    start()
    for run in [guarded.trigger(), *(busy.trigger() for _ in range(3))]:
        completed(run)
    monkeypatch.setattr("orchestrator.admin.recorded.MOST_RUNS", 3)
    found = recorded(["default"], ["guarded"])
    assert found is not None
    assert (len(found.jobs), found.counted) == (1, 1)


def test_an_unknown_queue_is_not_found(operator: Client) -> None:
    assert operator.get("/admin/orchestrator/limit/places/nothing").status_code == 404


@pytest.mark.parametrize(
    "data, said",
    [
        ({"limit": 0, "reason": "x"}, "greater than or equal to 1"),
        ({"limit": "many", "reason": "x"}, "whole number"),
        ({"limit": 2, "reason": ""}, "required"),
        ({"limit": 2, "reason": "x", "expires_in": "soon"}, "soon"),
    ],
)
def test_bad_overrides_are_told_at_the_field(
    start: StartEngine, operator: Client, hold: Gate, data: dict[str, Any], said: str
) -> None:
    declare(hold)
    start()
    assert said in text(operator, LIMIT, **data, save="Save")
    assert not LimitOverride.objects.exists()


def test_an_unknown_limit_is_not_found(operator: Client) -> None:
    assert operator.get("/admin/orchestrator/limit/on/nothing").status_code == 404


def test_a_key_is_shown_once_and_can_be_revoked(operator: Client) -> None:
    page = text(operator, "/admin/orchestrator/key/add/", env=1, kind="api", name="billing")
    assert "is shown this once: sba_" in page
    key = Key.objects.get()
    assert "sba_" + key.sha256 not in page
    text(operator, "/admin/orchestrator/key/", action="revoke", _selected_action=key.pk)
    assert Key.objects.get().revoked_at is not None
    assert set(Audit.objects.values_list("action", flat=True)) == {"key.create", "key.revoke"}


@pytest.mark.parametrize("model", ["function", "worker", "environment", "audit", "key", "limit"])
def test_every_page_opens(start: StartEngine, operator: Client, hold: Gate, model: str) -> None:
    declare(hold)
    start()
    text(operator, f"/admin/orchestrator/{model}/")


def test_the_list_of_functions_tells_what_is_in_time(start: StartEngine, operator: Client) -> None:
    @task(id="report", expected_within="26h")
    async def report(ctx: TaskContext) -> None: ...

    @task(id="free")
    async def free(ctx: TaskContext) -> None: ...

    start()
    page = text(operator, "/admin/orchestrator/function/")
    assert page.count('alt="True"') == 1
    Expectation.objects.update(watched_from=system_clock.now() - timedelta(hours=27))
    page = text(operator, "/admin/orchestrator/function/")
    assert (page.count('alt="True"'), page.count('alt="False"')) == (0, 1)


def test_who_is_no_operator_sees_nothing(transactional_db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("bob", is_staff=True))
    assert client.get("/admin/orchestrator/limit/").status_code == 403
    assert client.get(LIMIT).status_code in (403, 404)
