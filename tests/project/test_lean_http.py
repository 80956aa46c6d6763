"""What daphne is spared must not be missed: bodies that look like forms arrive as they were sent."""

import json
from urllib.request import Request, urlopen

import pytest

from tests.live import LiveServer

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=none", "application/json")


def test_an_event_is_taken_whatever_its_content_type_says(server: LiveServer) -> None:
    body = json.dumps({"name": "shop/paid", "data": {"a": "b&c=%20d"}}).encode()
    ids = []
    for content_type in FORMS:
        request = Request(f"{server.url}/e/dev", body, {"Content-Type": content_type})
        with urlopen(request, timeout=10) as response:
            ids += json.load(response)["ids"]
    assert len(set(ids)) == len(FORMS)
    stored = server.get(f"/api/v1/events/{ids[0]}")
    assert stored["data"] == {"a": "b&c=%20d"}


@pytest.mark.parametrize("content_type", ["", "nonsense; ; ="])
def test_a_bad_content_type_is_no_reason_to_refuse(server: LiveServer, content_type: str) -> None:
    request = Request(f"{server.url}/e/dev", b'{"name": "shop/paid"}', {"Content-Type": content_type})
    with urlopen(request, timeout=10) as response:
        assert len(json.load(response)["ids"]) == 1
