"""What a function may be declared to use, and the queue it waits in."""

from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from orchestrator import Context, Machine, RunFailed, SyncTaskContext, task
from orchestrator.core.errors import InvalidDuration, InvalidFunction
from orchestrator.core.machines import GB
from orchestrator.sdk.functions import Task

pytestmark = pytest.mark.usefixtures("functions")


def declared(**options: Any) -> Task[[], None]:
    @task(id="f", **options)
    def body(ctx: SyncTaskContext) -> None: ...

    return body


@pytest.mark.parametrize(
    "options, machine_queues, queue",
    [
        ({"machine": "large-1x"}, False, "default"),
        ({"machine": "large-1x"}, True, "large-1x"),
        ({"machine": "large-1x", "queue": "films"}, True, "films"),
        ({"machine": Machine(cpu=1, memory="1GB")}, True, "default"),  # it has no name
        ({}, True, "default"),
    ],
)
def test_large_jobs_wait_in_a_queue_of_their_own_where_that_is_wanted(
    options: dict[str, Any], machine_queues: bool, queue: str
) -> None:
    with override_settings(ORCHESTRATOR=settings.ORCHESTRATOR | {"MACHINE_QUEUES": machine_queues}):
        assert declared(**options).definition.queue == queue


@pytest.mark.parametrize(
    "options, told",
    [
        ({"machine": "huge"}, "machine is 'huge': give micro, "),
        ({"machine": 4}, "machine is 4: give micro, "),
        ({"machine": "micro", "on_out_of_memory": "tiny"}, "on_out_of_memory is 'tiny': give micro, "),
        ({"machine": "large-1x", "on_out_of_memory": "micro"}, "has to have more memory than machine=large-1x"),
        ({"on_out_of_memory": "large-1x"}, "has to have more memory than machine=None"),
        ({"max_duration": 0}, "max_duration is zero"),
    ],
)
def test_limits_that_cannot_be_are_refused_at_once(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidFunction, match=told):
        declared(**options)


def test_a_duration_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(InvalidDuration):
        declared(max_duration="soon")


def test_other_processes_are_told_the_limits() -> None:
    config = declared(machine="micro", on_out_of_memory="small-2x", max_duration="2h").definition.config
    assert config["machine"] == {"name": "micro", "cpu": 0.25, "memory_bytes": GB // 4}
    assert config["on_out_of_memory"]["name"] == "small-2x"
    assert config["max_duration_seconds"] == 7200
    assert "machine" not in declared().definition.config


def test_a_handler_of_failures_has_no_machine() -> None:
    heavy = declared(machine="micro")

    @heavy.on_failure
    async def mourn(ctx: Context[RunFailed]) -> None: ...

    assert mourn.definition.limits.machine is None
