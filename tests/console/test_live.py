from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.auth import UserLazyObject
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser, User

from console.live import consumers
from console.live.consumers import DRAINED, PROTOCOL, SIGNED_OUT, TOO_MUCH, ConsoleConsumer
from console.live.feeds import EventFeed, RunFeed, RunListFeed
from console.live.hub import hub
from console.presenters.run_filters import Filters
from orchestrator.engine import bell
from orchestrator.models import Journal, Run
from tests.console.factories import NOW, RunBuilder, append_step, make_event

pytestmark = pytest.mark.django_db(transaction=True)


async def connect(user: Any) -> WebsocketCommunicator:
    socket = WebsocketCommunicator(ConsoleConsumer.as_asgi(), "/ws/console/", subprotocols=[PROTOCOL])
    socket.scope["user"] = user
    await socket.connect()
    return socket


async def signed_in() -> WebsocketCommunicator:
    user = await User.objects.acreate(username="ada", is_staff=True)
    socket = await connect(user)
    assert (await socket.receive_json_from())["t"] == "hello"
    return socket


def grow(run: Run, number: int, *, ring: bool = True) -> None:
    for n in range(number):
        append_step(run, f"more-{run.seq}-{n}", at=NOW + timedelta(seconds=n))
    if ring:
        bell.ring([bell.Change(run.id, run.seq, "running")])


async def test_a_delta_starts_where_the_client_is_and_has_only_what_changed():
    run = await sync_to_async(lambda: RunBuilder().step("a").step("b").save("running"))()
    socket = await signed_in()
    await socket.send_json_to({"t": "sub", "c": f"run:{run.id}", "rev": run.seq})
    assert await socket.receive_nothing(0.05)
    before = run.seq
    await sync_to_async(grow)(run, 3)
    frame = await socket.receive_json_from()
    assert (frame["t"], frame["c"], frame["p"], frame["rev"]) == ("d", f"run:{run.id}", before, run.seq)
    assert len(frame["s"]) == 3
    await socket.disconnect()


async def test_a_client_that_comes_back_misses_nothing():
    run = await sync_to_async(lambda: RunBuilder().step("a").save("running"))()
    first = await signed_in()
    await first.send_json_to({"t": "sub", "c": f"run:{run.id}", "rev": 0})
    have = (await first.receive_json_from())["rev"]
    await first.disconnect()
    await sync_to_async(grow)(run, 5, ring=False)  # nobody heard this
    again = await connect(await User.objects.aget())
    await again.receive_json_from()
    await again.send_json_to({"t": "sub", "c": f"run:{run.id}", "rev": have})
    frame = await again.receive_json_from()
    assert (frame["p"], frame["rev"], len(frame["s"])) == (have, run.seq, 5)
    await again.disconnect()


async def test_a_client_that_does_not_acknowledge_gets_two_frames_and_then_one_for_all_the_rest():
    run = await sync_to_async(lambda: RunBuilder().save("running"))()
    socket = await signed_in()
    await socket.send_json_to({"t": "sub", "c": f"run:{run.id}", "rev": 0})
    frames = [await socket.receive_json_from()]
    await sync_to_async(grow)(run, 1)
    frames.append(await socket.receive_json_from())
    await sync_to_async(grow)(run, 2)
    await sync_to_async(grow)(run, 2)
    assert await socket.receive_nothing(0.3)
    await socket.send_json_to({"t": "ack", "c": f"run:{run.id}", "rev": frames[0]["rev"]})
    rest = await socket.receive_json_from()
    assert (rest["p"], len(rest["s"])) == (frames[1]["rev"], 4)
    await socket.disconnect()


async def test_a_session_is_known_though_channels_wraps_its_user():
    wrapped = UserLazyObject()
    wrapped._wrapped = await User.objects.acreate(username="grace", is_staff=True)
    socket = await connect(wrapped)
    assert (await socket.receive_json_from())["t"] == "hello"
    await socket.disconnect()


@pytest.mark.parametrize("user", [AnonymousUser(), User(username="eve", pk=7)], ids=["a stranger", "a customer"])
async def test_who_is_not_staff_is_told_to_sign_in(user: Any):
    socket = await connect(user)
    assert await socket.receive_output() == {"type": "websocket.close", "code": SIGNED_OUT}
    await socket.disconnect(SIGNED_OUT)


async def test_somebody_whose_account_was_closed_gets_no_more_channels():
    socket = await signed_in()
    await User.objects.aupdate(is_active=False)
    await socket.send_json_to({"t": "sub", "c": "runs:?"})
    assert await socket.receive_output() == {"type": "websocket.close", "code": SIGNED_OUT}
    await socket.disconnect(SIGNED_OUT)


@pytest.mark.parametrize("text", ["x" * 5_000, "[1]", "{"])
async def test_what_is_no_frame_ends_the_connection(text):
    socket = await signed_in()
    await socket.send_to(text_data=text)
    assert await socket.receive_output() == {"type": "websocket.close", "code": TOO_MUCH}
    await socket.disconnect(TOO_MUCH)


async def test_a_list_tells_what_is_new_and_what_changed():
    run = await sync_to_async(lambda: RunBuilder(at=NOW).save("running"))()
    socket = await signed_in()
    await socket.send_json_to({"t": "sub", "c": "runs:?", "rev": 0, "top": run.id, "ids": {run.id: run.seq}})
    assert await socket.receive_nothing(0.05)
    await sync_to_async(lambda: RunBuilder(at=NOW + timedelta(seconds=1)).save("queued"))()
    await sync_to_async(grow)(run, 1)
    frame = await socket.receive_json_from()
    assert (frame["t"], frame["new"], frame["upd"]) == ("n", 1, [run.id])
    await socket.disconnect()


def test_nobody_listens_to_the_bell_when_nobody_is_connected():
    assert not bell._listeners


def test_a_change_of_all_steps_asks_for_the_snapshot():
    run = RunBuilder().step("a").save("running")
    feed = RunFeed(1, run.id, run.seq)
    Journal.objects.create(run=run.id, seq=run.seq + 1, kind="run.recovered", at=NOW)
    Run.objects.filter(id=run.id).update(seq=run.seq + 1)
    assert feed.read() == {"t": "r", "rev": run.seq + 1}
    assert feed.read() is None


def test_a_list_feed_is_silent_while_nothing_changes():
    run = RunBuilder().save("running")
    feed = RunListFeed(Filters(1), run.id, {run.id: run.seq}, 0)
    assert feed.read() is None


def test_an_event_feed_tells_first_and_then_only_changes():
    event = make_event()
    run = RunBuilder().save("running", event=event)
    feed = EventFeed(1, event.id, 0)
    assert feed.read() == {"t": "n", "rev": 1}
    assert feed.read() is None
    append_step(run, "more", at=NOW)
    assert feed.read() == {"t": "n", "rev": 2}


async def test_a_server_that_ends_says_when_to_come_back():
    socket = await signed_in()
    hub.farewell()
    assert await socket.receive_json_from() == {"t": "bye", "code": "drain", "retry": [0, 3_000]}
    assert await socket.receive_output() == {"type": "websocket.close", "code": DRAINED}
    await socket.disconnect(DRAINED)


async def test_a_visitor_who_signed_out_is_sent_away_though_nothing_is_subscribed_anew(monkeypatch):
    monkeypatch.setattr(consumers, "LOOK_AGAIN_SECONDS", 0.005)
    run = await sync_to_async(lambda: RunBuilder().save("completed"))()
    socket = await signed_in()
    await socket.send_json_to({"t": "sub", "c": f"run:{run.id}", "rev": run.seq})
    assert await socket.receive_nothing(0.02)
    await User.objects.aupdate(is_active=False)
    assert await socket.receive_output() == {"type": "websocket.close", "code": SIGNED_OUT}
    await socket.disconnect(SIGNED_OUT)


def test_a_run_that_was_deleted_is_told_once():
    run = RunBuilder().step("a").save("running")
    feed = RunFeed(1, run.id, run.seq)
    Run.objects.filter(id=run.id).delete()
    assert feed.read() == {"t": "r", "rev": run.seq}
    assert feed.read() is None
    assert feed.settled
