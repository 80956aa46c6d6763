"""``manage.py doctor`` asks the broker and the channel layer whether they carry anything."""

from pathlib import Path

import orjson
import pytest

from tests.commands.running import Shell
from tests.servers import Redis

pytestmark = pytest.mark.redis


def findings(shell: Shell) -> dict[str, tuple[str, str]]:
    found = orjson.loads(shell("doctor", "--json").stdout)["findings"]
    return {finding["topic"]: (finding["level"], finding["text"]) for finding in found}


def test_it_says_whether_broker_and_channel_layer_answer(tmp_path: Path) -> None:
    redis = Redis(tmp_path)
    shell = Shell(tmp_path, {"DATABASE_URL": "", "BROKER_URL": redis.url, "CHANNEL_LAYER_URL": redis.url})
    found = findings(shell)
    assert found["Broker"] == ("OK", f"{redis.url} answers")
    assert found["Channel layer"] == ("OK", "carries news between processes")
    redis.stop()
    shell.env["BROKER_URL"] = "amqp://ada:secret@127.0.0.1:9//"
    found = findings(shell)
    assert found["Broker"][0] == found["Channel layer"][0] == "WARN"
    assert found["Broker"][1].startswith("amqp://ada:**@127.0.0.1:9// does not answer: ")
