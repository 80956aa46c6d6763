import json
from typing import Any

import pytest
from django.test import Client

from orchestrator.core.ids import new_id
from orchestrator.models import Attempt, Audit, Event, Inbox, Run, RunData
from tests.console.factories import NOW, RunBuilder, make_event, make_function

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("engine")]
DIALOG = {"HX-Request": "true"}
MISSING = new_id(NOW, bytes(10))


@pytest.fixture
def order() -> Event:
    make_function()
    return make_event()


@pytest.fixture
def run(order: Event) -> Run:
    builder = RunBuilder().step("load", output={"order": 4711}).step("charge").step("ship")
    return builder.save("completed", event=order)


@pytest.fixture
def waiting() -> Run:
    builder = RunBuilder("publish").step("approval", op="wait_for_signal", status="waiting")
    return builder.open_wait("signal", "approval", name="approved").save("waiting")


def text(answer: Any) -> str:
    return answer.content.decode()


def test_a_run_is_replayed_from_a_step_on_an_edited_payload(visitor: Client, run: Run):
    answer = visitor.post(f"/runs/{run.id}/replay", {"step": "charge", "data": '{"order": 1}'}, follow=True)
    new = Run.objects.get(replay_of=run.id)
    assert answer.redirect_chain == [(f"/runs/{new.id}", 302)]
    assert "Replaying from charge, with the edited payload." in text(answer)
    assert f"/runs/{run.id}" in text(answer)  # the new one leads to the old one
    assert "by dev" in text(answer)
    assert f"/runs/{new.id}" in text(visitor.get(f"/runs/{run.id}"))  # and the old one to the new one
    assert list(Attempt.objects.filter(run=new.id).values_list("key", "reused")) == [("load", True)]
    assert Event.objects.get(retrigger_of__isnull=False).data == {"order": 1}
    assert Audit.objects.get(action="run.replay").actor == "dev"


def test_a_replay_on_the_payload_as_it_was_makes_no_event(visitor: Client, run: Run, order: Event):
    visitor.post(f"/runs/{run.id}/replay", {"step": "", "data": json.dumps(order.data, indent=7)})
    assert Run.objects.filter(replay_of=run.id).count() == 1
    assert Event.objects.count() == 1


def test_a_form_that_is_sent_twice_does_it_once_unless_it_was_edited(visitor: Client, run: Run, waiting: Run):
    page = visitor.get(f"/runs/{run.id}/replay")
    form = {"step": "", "data": '{"order": 1}', "token": page.context["token"]}
    first, again = (visitor.post(f"/runs/{run.id}/replay", form)["location"] for _ in range(2))
    assert first == again
    assert visitor.post(f"/runs/{run.id}/replay", form | {"data": '{"order": 2}'})["location"] != first
    signal = {"name": "approved", "data": "1", "token": page.context["token"]}
    for data in ("1", "1", "2"):
        visitor.post(f"/runs/{waiting.id}/signal", signal | {"data": data})
    assert Inbox.objects.filter(run=waiting.id).count() == 2


def test_a_run_that_was_called_is_replayed_on_edited_input(visitor: Client):
    make_function()
    run = RunBuilder(trigger="call").step("a").save(input={"n": 1})
    visitor.post(f"/runs/{run.id}/replay", {"data": '{"n": 2}'})
    assert RunData.objects.get(run=Run.objects.get(replay_of=run.id).id).input == {"n": 2}


def test_the_form_tells_what_is_kept_and_what_runs_again(visitor: Client, run: Run):
    page = visitor.get(f"/runs/{run.id}/replay?step=charge")
    plan = page.context["plan"]
    assert [span.key for span in plan.kept.shown] == ["load"]
    assert [span.key for span in plan.again.shown] == ["charge", "ship"]
    shown = visitor.post(f"/runs/{run.id}/replay", {"step": "ship", "preview": "1", "data": "{"}, headers=DIALOG)
    assert [span.key for span in shown.context["plan"].kept.shown] == ["load", "charge"]
    assert Run.objects.count() == 1


def test_the_plan_keeps_what_the_engine_keeps(visitor: Client):
    make_function()
    run = RunBuilder().retried("flaky", 2).retried("hopeless", 2, fails=True).step("open", status="cancelled")
    old = run.step("last").save("cancelled", input={})
    plan = visitor.get(f"/runs/{old.id}/replay?step=last").context["plan"]
    visitor.post(f"/runs/{old.id}/replay", {"step": "last"})
    copied = Attempt.objects.filter(run=Run.objects.get(replay_of=old.id).id).values_list("key", flat=True)
    assert {span.key for span in plan.kept.shown} == set(copied) == {"flaky", "hopeless"}


def test_a_step_that_is_not_there_is_named(visitor: Client, run: Run):
    answer = visitor.post(f"/runs/{run.id}/replay", {"step": "nonsense"})
    assert answer.status_code == 422
    assert "has no step" in text(answer)


def test_a_run_of_a_thousand_steps_asks_for_the_name(visitor: Client):
    builder = RunBuilder()
    for n in range(1_000):
        builder.step(f"step-{n}")
    form = text(visitor.get(f"/runs/{builder.save().id}/replay?step=step-900", headers=DIALOG))
    assert "<select" not in form
    assert "888 more" in form


def test_an_event_is_sent_again_as_it_was_and_edited(visitor: Client, order: Event):
    for data in (json.dumps(order.data), '{"order": 2}'):
        page = visitor.post(f"/events/{order.id}/retrigger", {"data": data}, follow=True)
        assert f"/events/{order.id}" in text(page)
        assert "dev" in text(page)
    again = Event.objects.filter(retrigger_of=order.id).order_by("id")
    assert [event.data for event in again] == [order.data, {"order": 2}]
    assert Run.objects.count() == 2  # each of the two new events started the function
    assert set(Audit.objects.values_list("actor", "target")) == {("dev", order.id)}
    old = text(visitor.get(f"/events/{order.id}"))
    assert all(f"/events/{event.id}" in old for event in again)


def test_an_event_is_sent_by_name_and_json(visitor: Client, order: Event):
    page = visitor.post("/events/send", {"name": "order/placed", "data": '{"order": 3}'}, follow=True)
    sent = page.context["page"].event
    assert (sent.name, sent.data, sent.source, page.context["page"].actor) == (
        "order/placed", {"order": 3}, "console", "dev",
    )  # fmt: skip
    assert len(page.context["page"].runs) == 1


def test_a_waiting_run_gets_the_signal_it_waits_for(visitor: Client, waiting: Run):
    form = text(visitor.get(f"/runs/{waiting.id}/signal", headers=DIALOG))
    assert 'value="approved"' in form
    visitor.post(f"/runs/{waiting.id}/signal", {"name": "approved", "data": '["yes", 1]', "key": "k-1"})
    visitor.post(f"/runs/{waiting.id}/signal", {"name": "approved", "data": "", "key": "k-1"})
    message = Inbox.objects.get(run=waiting.id)
    assert message.data == {"name": "approved", "data": ["yes", 1], "actor": "dev"}
    assert list(Audit.objects.values_list("actor", "action", "target")) == [("dev", "run.signal", waiting.id)]


def test_a_run_that_has_ended_takes_no_signal_and_loses_nothing_of_what_was_typed(visitor: Client, run: Run):
    assert "it takes no more signals" in text(visitor.get(f"/runs/{run.id}/signal"))
    answer = visitor.post(f"/runs/{run.id}/signal", {"name": "approved", "data": '{"note": "typed"}', "key": "k"})
    assert answer.status_code == 422
    assert "&quot;typed&quot;" in text(answer)
    assert "has ended" in text(answer)


HOSTILE = [
    ('{"a": 1,\n "b": NaN}', "Line 2, column 7: unexpected character"),
    ('{"a": "\\ud800"}', "Line 1, column 8: no low surrogate"),
    ('{"a": "\0"}', "Line 1, column 8: unexpected control character"),
    ('{"a": ' + "[" * 5_000, "Line 1, column 206: nested over 200 levels deep"),
    ('{"a": "' + "x" * 600_000 + '"}', "at most 512\u00a0KB can be sent"),
    ('{"a": 1e999}', "number is infinity"),
    ("[1]", "This is a list: an object is needed"),
    ("null", "This is null: an object is needed"),
    ("  ", "Nothing is here"),
    ("{'a': 1}", "Line 1, column 2"),
]


@pytest.mark.parametrize("typed, said", HOSTILE)
def test_what_is_no_payload_is_told_at_the_field_and_kept(visitor: Client, run: Run, order: Event, typed, said):
    for path in ("/events/send", f"/events/{order.id}/retrigger", f"/runs/{run.id}/replay"):
        answer = visitor.post(path, {"name": "order/placed", "data": typed})
        assert answer.status_code == 422
        assert said in answer.context["form"].errors["data"][0]
        assert answer.context["form"]["data"].value() == typed
    assert (Event.objects.count(), Run.objects.count()) == (1, 1)


def test_a_nul_that_json_escapes_is_a_character_like_any_other(visitor: Client, order: Event):
    visitor.post(f"/events/{order.id}/retrigger", {"data": '{"a": "\\u0000"}'})
    assert Event.objects.get(retrigger_of=order.id).data == {"a": "\0"}


@pytest.mark.parametrize("name", ["", "x" * 600, "inngest/forged", "a\0b", "a\nb"])
def test_what_is_no_event_name_is_told_at_the_field(visitor: Client, name):
    answer = visitor.post("/events/send", {"name": name, "data": "{}"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["name"]


@pytest.mark.parametrize("name", ["", "x" * 201, "a\0b"])
def test_what_is_no_signal_name_is_told_at_the_field(visitor: Client, waiting: Run, name):
    answer = visitor.post(f"/runs/{waiting.id}/signal", {"name": name})
    assert answer.status_code == 422
    assert answer.context["form"].errors["name"]


def test_a_body_larger_than_the_server_reads_is_a_message(visitor: Client, order: Event):
    for path in ("/events/send", f"/events/{order.id}/retrigger"):
        answer = visitor.post(path, {"name": "a", "data": "x" * 3_000_000})
        assert answer.status_code == 413
        assert "Nothing was sent" in text(answer)
    assert Event.objects.count() == 1


def test_a_payload_too_large_to_edit_is_replayed_as_it_was(visitor: Client):
    make_function()
    large = make_event(data={"text": "x" * 600_000})
    run = RunBuilder().step("a").save(event=large)
    assert "<textarea" not in text(visitor.get(f"/runs/{run.id}/replay"))
    visitor.post(f"/runs/{run.id}/replay", {"step": ""})
    assert Run.objects.filter(replay_of=run.id).exists()


def test_a_dialog_gets_the_form_alone_and_is_told_where_to_go(visitor: Client, order: Event):
    form = text(visitor.get(f"/events/{order.id}/retrigger", headers=DIALOG))
    assert form.lstrip().startswith("<form")
    wrong = visitor.post(f"/events/{order.id}/retrigger", {"data": "{"}, headers=DIALOG)
    assert (wrong.status_code, "Line 1" in text(wrong)) == (200, True)
    done = visitor.post(f"/events/{order.id}/retrigger", {"data": "{}"}, headers=DIALOG)
    assert done["HX-Redirect"] == f"/events/{Event.objects.get(retrigger_of=order.id).id}"


def test_a_form_that_was_not_served_here_is_refused(order: Event, run: Run):
    strict = Client(REMOTE_ADDR="127.0.0.1", enforce_csrf_checks=True)
    for path in ("/events/send", f"/events/{order.id}/retrigger", f"/runs/{run.id}/replay", f"/runs/{run.id}/signal"):
        assert strict.post(path, {"name": "a", "data": "{}"}).status_code == 403
    assert Event.objects.count() == 1


def test_forms_of_what_is_not_there_are_not_found(visitor: Client):
    for path in (f"/runs/{MISSING}/replay", f"/runs/{MISSING}/signal", f"/events/{MISSING}/retrigger"):
        assert visitor.get(path).status_code == visitor.post(path, {"data": "{}"}).status_code == 404
