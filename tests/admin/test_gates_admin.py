"""Gates in the admin's list of limits: what each remembers now, and a rate limit changed after a look."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestrator import (
    Batch,
    Concurrency,
    Context,
    Debounce,
    Fairness,
    Idempotency,
    RateLimit,
    Singleton,
    TaskContext,
    function,
    send,
    task,
)
from orchestrator.admin.limit_facts import all_limits
from orchestrator.admin.recorded_arrivals import recorded_arrivals
from orchestrator.models import Audit, Event, Function, Run
from tests.admin.test_limits_admin import row
from tests.engine.conftest import StartEngine, functions, start
from tests.engine.gates import Gate
from tests.engine.reading import completed, run_of, runs_of, soon, until

__all__ = ["functions", "start"]
LIMITS = "/admin/orchestrator/limit/"


@pytest.fixture
def operator(transactional_db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


def text(client: Client, path: str, **data: Any) -> str:
    response = client.post(LIMITS + path, data, follow=True) if data else client.get(LIMITS + path)
    assert response.status_code == 200, response.content
    return str(response.content.decode())


def cells(page: str, what: str) -> list[str]:
    """The cells of the table row that begins with this text, without their links."""
    found = re.search(rf"<tr><td[^>]*>{re.escape(what)}</td>(.*?)</tr>", page)
    assert found is not None, what
    return [re.sub("<[^>]*>", "", cell) for cell in re.findall("<td[^>]*>(.*?)</td>", found[1])]


def listed(page: str, target: str) -> dict[str, str]:
    """What the list says of a limit, by column."""
    found = re.search(rf"on/{target}\".*?</tr>", page, re.S)
    assert found is not None, target
    return dict(re.findall(r'<td data-label="([^"]*)">([^<]*)', found[0]))


def declare_codes() -> Any:
    @function("sms/asked", flow=[RateLimit(2, "1h", key="event.data.phone")])
    async def codes(ctx: Context[Any]) -> None: ...

    return codes


def test_a_rate_limit_shows_what_is_left_of_each_window(start: StartEngine, operator: Client) -> None:
    declare_codes()
    start()
    for phone in ("+49", "+49", "+49", "+33"):
        send("sms/asked", {"phone": phone})
    soon(lambda: Run.objects.count() == 3)
    told = listed(text(operator, ""), "rate_limit:codes")
    assert (told["In force"], told["In use"]) == ("2 in 1 h", "3 by 2 values, 1 full")
    page = text(operator, "on/rate_limit:codes")
    assert cells(page, "&quot;+49&quot;")[:2] == ["2", "0"]
    assert cells(page, "&quot;+33&quot;")[:2] == ["1", "1"]


def test_a_raised_rate_limit_is_previewed_and_lets_the_next_one_by(start: StartEngine, operator: Client) -> None:
    declare_codes()
    start()
    for _ in range(5):
        send("sms/asked", {"phone": "+49"})
    soon(lambda: Event.objects.exclude(skipped=None).count() == 3)
    page = text(operator, "on/rate_limit:codes", limit=4, period=3600, preview="Preview")
    assert "5 arrivals since" in page
    assert row(page, "Skipped") == ["3", "1"]
    assert row(page, "Skipped, of all") == ["60.0%", "20.0%"]
    assert not Audit.objects.exists()

    page = text(operator, "on/rate_limit:codes", limit=4, period=3600, reason="a launch", save="Save")
    assert "The limit is 4 from now on." in page
    assert "instead of 2 in 1 h: a launch (ann)" in text(operator, "")
    assert completed(run_of(send("sms/asked", {"phone": "+49"}))) is None
    assert Audit.objects.get().action == "limit.override"


def test_what_a_rate_limit_turned_away_is_recorded_whoever_asked(start: StartEngine) -> None:
    """Calls, too; what an idempotency key turned away came past the rate limit, and took no place of it."""

    @task(flow=[RateLimit(2, "1h"), Idempotency("event.data.n")])
    async def ship(ctx: TaskContext, n: int) -> None: ...

    start()
    for n in (1, 1, 2, 3, 4):
        ship.trigger(n)
    soon(lambda: Run.objects.filter(status="skipped").count() == 2)
    flow = RateLimit(2, "1h")
    assert len(recorded_arrivals(Function.objects.get(slug="ship"), flow)) == 4


def test_a_key_that_opens_the_gate_is_no_arrival(start: StartEngine) -> None:
    @function("sms/asked", flow=[RateLimit(1, "1h", key="event.data.trial && event.data.phone")])
    async def codes(ctx: Context[Any]) -> None: ...

    start()
    for trial in (True, False, False):
        send("sms/asked", {"phone": "+49", "trial": trial})
    soon(lambda: Run.objects.filter(status="completed").count() == 3)
    arrivals = recorded_arrivals(Function.objects.get(), RateLimit(1, "1h", key="event.data.trial && event.data.phone"))
    assert len(arrivals) == 1


def test_open_runs_of_debounces_and_batches_tell_until_when(start: StartEngine, operator: Client) -> None:
    @function("page/saved", flow=[Debounce("5m", key="event.data.page", max_wait="30m")])
    async def reindex(ctx: Context[Any]) -> None: ...

    @function("log/line", flow=[Batch(100, "10m")])
    async def store(ctx: Context[Any]) -> None: ...

    start()
    for _ in range(3):
        saved, line = send("page/saved", {"page": "home"}), send("log/line", {})
    soon(lambda: runs_of(saved) and runs_of(line))
    page = text(operator, "")
    assert listed(page, "debounce:reindex")["In force"] == "5 m after the last event, at most 30 m"
    assert listed(page, "debounce:reindex")["In use"].startswith("1 open, the next until ")
    assert listed(page, "batch:store")["In force"] == "100 events or 10 m"
    run, events, _, until_ = cells(text(operator, "on/debounce:reindex"), "&quot;home&quot;")
    due = Run.objects.get(id=run_of(saved)).due_at
    assert due is not None
    assert (run, events, until_) == (run_of(saved), "3", f"{due:%Y-%m-%d %H:%M:%S} UTC")
    assert cells(text(operator, "on/batch:store"), "null")[:2] == [run_of(line), "3"]
    assert "change it in the code" in text(operator, "on/batch:store")


def test_a_singleton_shows_its_holder_and_who_waits(start: StartEngine, operator: Client) -> None:
    @function("shop/changed", flow=[Singleton("queue", key="event.data.shop")])
    async def sync(ctx: Context[Any]) -> None:
        await ctx.step.sleep("settle", "1h")

    start()
    first, second = send("shop/changed", {"shop": 7}), send("shop/changed", {"shop": 7})
    until(run_of(first), "sleeping")
    told = listed(text(operator, ""), "singleton:sync")
    assert (told["In use"], told["Waiting"]) == ("1", "1")
    page = text(operator, "on/singleton:sync")
    assert "1 in use, 1 waiting." in page
    holder, waiting = page.split("Who waits")
    assert cells(holder, "7")[:2] == [run_of(first), "sleeping"]
    assert cells(waiting, "7")[:2] == [run_of(second), "queued"]


def test_idempotency_tells_the_values_that_it_knows(start: StartEngine, operator: Client) -> None:
    @function("order/paid", flow=[Idempotency("event.data.order", ttl="7 days")])
    async def dispatch(ctx: Context[Any]) -> None: ...

    start()
    first = send("order/paid", {"order": 1})
    for order in (1, 2):
        send("order/paid", {"order": order})
    soon(lambda: Run.objects.count() == 2)
    assert listed(text(operator, ""), "idempotency:dispatch")["In use"] == "2 values known"
    assert cells(text(operator, "on/idempotency:dispatch"), "1")[0] == run_of(first)


def test_the_list_asks_as_often_for_many_limits_as_for_few(start: StartEngine, operator: Client) -> None:
    def declare(name: str) -> None:
        controls = [RateLimit(1, "1h"), Debounce("1h"), Singleton(), Idempotency("event.data.n")]

        @function("thing/happened", id=name, flow=controls)
        async def each(ctx: Context[Any]) -> None: ...

    declare("one")
    start()
    soon(lambda: runs_of(send("thing/happened", {"n": 1})))
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert len(all_limits()) == 4
    start.drain()
    for name in ("two", "three", "four"):
        declare(name)
    start()
    soon(lambda: len(runs_of(send("thing/happened", {"n": 2}))) >= 3)
    with CaptureQueriesContext(connection) as many:
        assert len(all_limits()) == 16
    assert len(few) == len(many) == 9


def test_fairness_tells_how_far_each_value_is_from_its_last_turn(start: StartEngine, operator: Client) -> None:
    gate = Gate()

    @function("job/asked", flow=[Concurrency(1), Fairness("event.data.tenant")])
    async def fair(ctx: Context[Any]) -> None:
        await ctx.step.run("hold", gate.apass_through)

    start()
    send("job/asked", {"tenant": "first"})
    gate.reached()
    for tenant in ("a", "a", "a", "b", "b"):
        send("job/asked", {"tenant": tenant})
    soon(lambda: Run.objects.exclude(gate=None).count() == 5)
    told = listed(text(operator, ""), "fairness:fair")
    assert (told["Kind"], told["In force"], told["Waiting"]) == ("Fairness", "in turns", "5")
    page = text(operator, "on/fairness:fair")
    assert (cells(page, "&quot;a&quot;"), cells(page, "&quot;b&quot;")) == (["3.0"], ["2.0"])
    gate.open()
    soon(lambda: not Run.objects.filter(ended_at=None).exists())
