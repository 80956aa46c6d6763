"""What the commands write: the same rows as the API, by the same verbs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError

from orchestrator.core.ids import parse_id
from orchestrator.engine.runtime import Runtime
from orchestrator.models import Audit, Event, Inbox, Run, RunData, RunEvent
from tests.console.factories import RunBuilder, make_event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sender")]
Manage = Callable[..., str]
NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def waiting_run() -> Run:
    builder = RunBuilder("ship-order").step("draft").step("approval", op="wait_for_signal", status="waiting")
    return builder.open_wait("signal", "approval", name="approval").save("waiting", event=make_event())


def test_an_event_is_stored_with_its_runs(manage: Manage) -> None:
    id = manage("send_event", "order/placed", "--data", '{"order": 42}', "--user", '{"id": 7}')
    event = Event.objects.get(id=parse_id(id))
    assert (event.name, event.data, event.user, event.source) == ("order/placed", {"order": 42}, {"id": 7}, "app")
    [run] = Run.objects.all()
    assert (run.function, run.status) == ("ship-order", "queued")
    assert RunEvent.objects.get(run=run.id).event == event.id


def test_the_senders_own_id_makes_an_event_once(manage: Manage) -> None:
    first, again = (manage("send_event", "order/placed", "--id", "order-42") for _ in range(2))
    assert first == again
    assert Run.objects.count() == 1


def test_data_come_from_a_file(manage: Manage, tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text('{"order": 43}')
    manage("send_event", "order/placed", "--data", f"@{tmp_path / 'order.json'}")
    assert Event.objects.get().data == {"order": 43}


def test_a_call_starts_once_for_its_key_and_later(manage: Manage) -> None:
    words = ("trigger", "pack-parcel", "--data", '{"order": 1}', "--idempotency-key", "parcel-1", "--delay", "1h")
    assert manage(*words) == manage(*words)
    [run] = Run.objects.all()
    assert (run.function, run.status, run.trigger) == ("pack-parcel", "delayed", "call")
    assert RunData.objects.get(run=run.id).input == {"order": 1}


def test_a_run_is_replayed_with_other_data(manage: Manage) -> None:
    old = RunBuilder("ship-order").step("load").step("charge").save(event=make_event())
    new = Run.objects.get(id=manage("replay", old.id, "--from-step", "charge", "--data", '{"order": 5}'))
    assert (new.replay_of, new.replay_from, new.trigger) == (old.id, "charge", "replay")
    assert Audit.objects.get(action="run.replay").actor != ""


def test_a_signal_is_left_in_the_inbox(manage: Manage) -> None:
    run = waiting_run()
    for _ in range(2):
        manage("signal", run.id, "approval", "--data", '"yes"', "--key", "once")
    [message] = Inbox.objects.filter(run=run.id)
    assert (message.kind, message.data["name"], message.data["data"]) == ("signal", "approval", "yes")


def test_a_run_is_asked_to_end(manage: Manage) -> None:
    run = waiting_run()
    manage("cancel", run.id, "--reason", "wrong order")
    assert Inbox.objects.get(run=run.id).kind == "cancel"
    assert Audit.objects.get(action="run.cancel").reason == "wrong order"


def test_a_run_is_ended_at_once(manage: Manage) -> None:
    run = waiting_run()
    manage("cancel", run.id, "--terminate")
    run.refresh_from_db()
    assert run.status == "cancelled"


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("send_event", "inngest/x"), "reserved"),
        (("send_event", "x" * 600), "longer than 512 bytes"),
        (("send_event", "x", "--data", "{"), "--data is not JSON"),
        (("send_event", "x", "--data", "[1]"), "--data must be a JSON object"),
        (("send_event", "x", "--data", "@/no/such/file"), "cannot be read: No such file"),
        (("send_event", "x", "--env", "nowhere"), "no environment 'nowhere'; known: default"),
        (("trigger", "no-such"), "no function 'no-such' is registered"),
        (("trigger", "ship-order", "--data", "[]"), "takes an object"),
        (("trigger", "ship-order", "--delay", "soon"), "'soon' is not a duration"),
        (("trigger", "ship-order", "--wait", "0"), "is queued: see manage.py runs show"),
        (("replay", NOBODY), "there is no run"),
        (("cancel", "nonsense"), "is not an id"),
        (("cancel", NOBODY, "--terminate"), "there is no run"),
        (("signal", NOBODY, "approval"), "there is no run"),
        (("signal", NOBODY, ""), "a signal's name"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(manage: Manage, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError) as refused:
        manage(*words)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_more_data_than_a_request_may_have_are_refused(manage: Manage, sender: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(b" " * (sender.settings.max_body_bytes + 1))
    with pytest.raises(CommandError, match="--data has more than"):
        manage("trigger", "pack-parcel", "--data", f"@{path}")
