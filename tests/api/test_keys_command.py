"""Keys are made on the server, by whoever runs it."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from orchestrator.engine.keys import env_of_key
from orchestrator.models import Key

pytestmark = pytest.mark.django_db


def test_the_command_prints_a_key_that_works() -> None:
    out = StringIO()
    call_command("keys", "create", "--kind", "event", "--name", "shop", stdout=out)
    assert env_of_key(out.getvalue().strip(), Key.Kind.EVENT) == 1
    assert Key.objects.get().name == "shop"


def test_an_unknown_environment_is_refused_by_name() -> None:
    with pytest.raises(CommandError, match="no environment 'nowhere'; known: default"):
        call_command("keys", "create", "--kind", "api", "--name", "x", "--env", "nowhere")
