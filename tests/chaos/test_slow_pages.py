"""F19: pages whose websocket is not read, or not read for ever, while the run that they show moves on."""

from typing import Any

from benchmarks.memory import pss_mb
from console.bounds import UNREAD_BYTES_MOST
from console.live.feeds import MOST_BYTES
from tests.chaos.page_socket import PageSocket
from tests.chaos.world import World
from tests.eventually import eventually

STEPS = 900
FLAT = 1.25


ALL = STEPS + 2  # it waits for a signal before them and one after them


def parade(world: World) -> dict[str, Any]:
    """What a page says that shows a run which waits to be told to go."""
    [event] = world.ask("parade/asked", count=1, steps=STEPS)
    eventually(lambda: world.ledger.statuses() == {"waiting": 1})
    [run] = world.server.get(f"/api/v1/events/{event}/runs")["data"]
    return {"t": "sub", "c": f"run:{run['id']}", "rev": 0}


def go(world: World, show: dict[str, Any]) -> None:
    world.server.post(f"/api/v1/runs/{show['c'].removeprefix('run:')}/signal", {"name": "go"})


def ack(frame: dict[str, Any]) -> dict[str, Any]:
    return {"t": "ack", "c": frame["c"], "rev": frame["rev"]}


def steps(frames: list[dict[str, Any]]) -> set[str]:
    return {step[0] for frame in frames for step in frame["s"]}


def test_a_page_that_stops_reading_is_owed_two_frames_and_then_gets_all_the_rest_in_one(world: World) -> None:
    show = parade(world)
    with PageSocket(world.server.port) as quick, PageSocket(world.server.port) as slow:
        slow.send(show)
        owed = [slow.read()]
        quick.send(show)
        go(world, show)
        seen = [quick.read()]
        while len(steps(seen)) < ALL:
            quick.send(ack(seen[-1]))
            seen.append(quick.read())
        owed.append(slow.read())
        for frame in owed:
            slow.send(ack(frame))
        owed.append(slow.read())
    assert len(seen) > len(owed)
    assert [frame["p"] for frame in owed] == [0, owed[0]["rev"], owed[1]["rev"]]
    assert owed[-1]["rev"] >= seen[-1]["rev"], "something was kept for a page that does not read"
    assert len(steps(owed)) == ALL


def test_a_page_that_asks_and_never_reads_is_dropped_and_may_come_back_without_a_gap(world: World) -> None:
    show = parade(world)
    with PageSocket(world.server.port) as page:
        page.send(show)
        have = page.read()["rev"]
    go(world, show)
    eventually(lambda: world.ledger.count("signalbox_wait", "name = 'halt'") == 1, within_seconds=30)
    memory = []
    for _ in range(2):
        with PageSocket(world.server.port) as careless:
            eventually(lambda page=careless: gone(page, show), within_seconds=60, every_seconds=0.2)
        memory.append(pss_mb([world.server.pid]))
    said = [line for line in world.server.output().splitlines() if "live.client_dropped" in line]
    unread = [int(line.rpartition("unread_bytes=")[2]) for line in said]
    assert len(unread) == 2
    assert max(unread) <= UNREAD_BYTES_MOST + MOST_BYTES
    assert memory[1] < memory[0] * FLAT
    with PageSocket(world.server.port) as page:
        page.send(show | {"rev": have})
        rest = page.read()
    assert (rest["p"], len(steps([rest]))) == (have, ALL)


def gone(page: PageSocket, frame: dict[str, Any]) -> bool:
    """Sends a frame; whether the server has ended the connection."""
    try:
        page.send(frame)
    except OSError:
        return True
    return False
