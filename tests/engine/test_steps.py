"""Steps of async functions: run once, remembered, in order."""

from dataclasses import dataclass
from typing import Any

import pytest

from orchestrator import Context, StepError, TaskContext, event, function, send, task
from orchestrator.engine.signals import send_signal
from orchestrator.models import Run
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import (
    attempts,
    blobs,
    completed,
    ended,
    error,
    journal,
    kinds,
    leftovers,
    memo,
    run_of,
    run_row,
    soon,
    steps,
    until,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_function_runs_its_steps_once_and_remembers_what_they_answered(start: StartEngine) -> None:
    calls: list[str] = []

    async def hello(name: str) -> str:
        calls.append(name)
        return f"hello {name}"

    @function(on="greeted")
    async def greet(ctx: Context[Any]) -> list[str]:
        first = await ctx.step.run("first", hello, ctx.event.data["name"])
        await ctx.step.sleep("rest", "20ms")
        return [first, await ctx.step.run("second", hello, "you")]

    start(PARKED_RUNS=1)
    run = run_of(send("greeted", {"name": "me"}))

    assert completed(run) == ["hello me", "hello you"]
    assert calls == ["me", "you"]
    assert steps(run) == {"": ["completed"], "first": ["completed"], "rest": ["completed"], "second": ["completed"]}
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}


def test_a_repeated_step_id_gets_a_number(start: StartEngine) -> None:
    @task()
    async def counting(ctx: TaskContext) -> list[int]:
        return [await ctx.step.run("count", lambda n=n: n) for n in range(3)]

    start()
    run = counting.trigger()

    assert completed(run) == [0, 1, 2]
    assert [memo(run, key) for key in ("count", "count:1", "count:2")] == [0, 1, 2]


def test_a_repeated_id_never_answers_with_the_memo_of_an_id_that_looks_like_its_repeat(start: StartEngine) -> None:
    @task()
    async def lookalikes(ctx: TaskContext) -> list[str]:
        first = await ctx.step.run("a:1", lambda: "the one called a:1")
        return [first, await ctx.step.run("a", lambda: "a"), await ctx.step.run("a", lambda: "a again")]

    start()

    assert completed(lookalikes.trigger()) == ["the one called a:1", "a", "a again"]


def test_a_step_called_inside_a_step_is_refused_with_both_names(start: StartEngine) -> None:
    @task(retries=0)
    async def nesting(ctx: TaskContext) -> None:
        async def outer() -> None:
            await ctx.step.run("inner", lambda: 1)

        await ctx.step.run("outer", outer)

    start()
    run = nesting.trigger()

    assert ended(run).status == "failed"
    assert (error(run) or {})["message"].count("'inner' was called inside step 'outer'") == 1
    assert steps(run) == {"": ["failed"], "outer": ["failed"]}


def test_typed_events_and_results_arrive_as_their_classes(start: StartEngine) -> None:
    @event("doc/uploaded")
    @dataclass
    class DocUploaded:
        name: str
        pages: int

    @dataclass
    class Report:
        words: int

    async def analyse(pages: int) -> Report:
        return Report(pages * 100)

    @function(on=DocUploaded)
    async def on_upload(ctx: Context[DocUploaded]) -> int:
        assert isinstance(ctx.event.data, DocUploaded)
        report = await ctx.step.run("analyse", analyse, ctx.event.data.pages)
        await ctx.step.sleep("rest", "10ms")
        assert isinstance(report, Report)
        return report.words

    start()

    assert completed(run_of(send(DocUploaded("a.pdf", 3)))) == 300


def test_an_output_that_json_cannot_hold_fails_its_step_and_names_the_path(start: StartEngine) -> None:
    @task(retries=3)
    async def unspeakable(ctx: TaskContext) -> str:
        try:
            await ctx.step.run("bad", lambda: {"items": [1, {"tags": {1, 2}}]})
        except StepError as failure:
            return str(failure)
        return "?"

    start()
    run = unspeakable.trigger()

    assert "$.items[1].tags" in completed(run)
    assert steps(run)["bad"] == ["failed"], "no retry makes a set serialisable"


def test_a_returned_value_that_json_cannot_hold_fails_the_run_and_names_the_path(start: StartEngine) -> None:
    @task(retries=3)
    async def returns_bytes(ctx: TaskContext) -> Any:
        return {"file": b"..."}

    start()
    run = returns_bytes.trigger()

    assert ended(run).status == "failed"
    assert "$.file" in (error(run) or {})["message"]
    assert steps(run) == {"": ["failed"]}


def test_large_values_of_steps_and_runs_are_kept_in_blobs(start: StartEngine) -> None:
    large = "x" * 70_000

    @task()
    async def produce(ctx: TaskContext) -> str:
        return await ctx.step.run("large", lambda: large)

    @task()
    async def consume(ctx: TaskContext) -> list[int]:
        own = await ctx.step.run("own", lambda: large + "y")
        childs = await produce.trigger_and_wait()
        await ctx.step.sleep("evict", "20ms")
        return [len(own), len(childs)]

    start(PARKED_RUNS=1)
    run = consume.trigger()

    assert completed(run) == [70_001, 70_000]
    child = Run.objects.get(parent=run).id
    assert [len(blob.body) for blob in blobs(run)] == [70_003]
    assert sorted(len(blob.body) for blob in blobs(child)) == [70_002, 70_002]
    rows = {attempt.key: attempt for attempt in attempts(run)}
    assert rows["own"].output is None
    assert rows["own"].blob
    assert rows["produce"].blob in {blob.id for blob in blobs(child)}


def test_large_values_are_there_again_after_the_coroutine_was_dropped(start: StartEngine) -> None:
    large = "é" * 40_000

    @task()
    async def remembering(ctx: TaskContext) -> int:
        text = await ctx.step.run("large", lambda: large)
        await ctx.step.wait_for_signal("go")
        assert text == large
        return len(text)

    host = start()
    run = remembering.trigger()
    until(run, "waiting")
    host.loop.call_soon_threadsafe(lambda: [parked.lose() for parked in list(host.dispatcher.parked.values())])
    soon(lambda: not host.dispatcher.parked)
    send_signal(run, "go")

    assert completed(run) == 40_000


@pytest.mark.parametrize("place", ["step", "return"])
def test_a_value_that_is_too_large_is_refused_with_both_sizes(start: StartEngine, place: str) -> None:
    @task(retries=2)
    async def producing(ctx: TaskContext) -> Any:
        if place == "step":
            return len(await ctx.step.run("huge", lambda: "x" * 2000))
        return "x" * 2000

    start(MAX_VALUE_BYTES=1000, BLOB_BYTES=500)
    run = producing.trigger()

    assert ended(run).status == "failed"
    assert "2,002 bytes" in (error(run) or {})["message"]
    assert "1,000" in (error(run) or {})["message"]
    assert steps(run) == ({"": ["failed"], "huge": ["failed"]} if place == "step" else {"": ["failed"]})


def test_code_that_asks_for_another_operation_under_a_known_key_blocks_the_run(start: StartEngine) -> None:
    changed = {"yet": False}

    @task()
    async def changing(ctx: TaskContext) -> None:
        if changed["yet"]:
            await ctx.step.sleep("it", "1h")
        else:
            await ctx.step.run("it", lambda: 1)
        await ctx.step.wait_for_signal("go")

    host = start()
    run = changing.trigger()
    until(run, "waiting")
    changed["yet"] = True
    host.loop.call_soon_threadsafe(host.dispatcher.drop_all)
    soon(lambda: not host.dispatcher.parked)
    send_signal(run, "go")

    until(run, "blocked")
    assert "'it' is recorded as run, the code now asks for sleep" in (error(run) or {})["message"]
    [entry] = [entry for entry in journal(run) if entry.kind == "run.blocked"]
    assert entry.data == {"key": "it", "expected": "run", "got": "sleep"}
    assert run_row(run).owner is None


def test_a_longer_body_shows_its_running_row_before_it_ends(start: StartEngine) -> None:
    gate = Gate()

    @task()
    async def long(ctx: TaskContext) -> str:
        async def body() -> str:
            await gate.apass_through()
            return "done"

        return await ctx.step.run("long", body)

    start()
    run = long.trigger()
    gate.reached()
    soon(lambda: steps(run).get("long") == ["running"])
    gate.open()

    assert completed(run) == "done"
    assert steps(run)["long"] == ["completed"]
    assert kinds(run) == ["run.queued", "run.started", "step.started", "step.completed", "run.completed"]


def test_events_sent_by_a_step_start_their_functions_with_the_checkpoint(start: StartEngine) -> None:
    @function(on="chain/next")
    async def second(ctx: Context[Any]) -> int:
        return int(ctx.event.data["n"])

    @task()
    async def first(ctx: TaskContext) -> list[str]:
        return await ctx.step.send_event("tell", "chain/next", {"n": 7})

    start()
    run = first.trigger()
    [sent] = completed(run)

    assert completed(run_of(sent)) == 7
    detail = next(attempt.detail for attempt in attempts(run) if attempt.key == "tell")
    assert detail == {"events": [sent]}
