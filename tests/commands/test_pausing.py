"""``manage.py pause`` and ``manage.py resume``: the same rows as the API, by the same verbs."""

from collections.abc import Callable

import pytest
from django.core.management import CommandError

from orchestrator.models import Audit, Pause

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sender")]
Manage = Callable[..., str]


def test_a_function_is_paused_with_a_note_and_resumed(manage: Manage) -> None:
    manage("pause", "queue", "mail", "--note", "deploy at noon")
    assert (Pause.objects.get().name, Pause.objects.get().note) == ("mail", "deploy at noon")
    manage("resume", "queue", "mail")
    assert Pause.objects.get().resumed_at
    assert [row.action for row in Audit.objects.order_by("id")] == ["queue.pause", "queue.resume"]


def test_an_environment_is_paused_by_its_name(manage: Manage) -> None:
    manage("pause", "environment", "default")
    assert Pause.objects.get().key == "pause:1:environment:"


@pytest.mark.parametrize(
    "words, told",
    [
        (("pause", "function", "nobody"), "no function 'nobody' is registered"),
        (("resume", "queue", "mail"), "queue mail is not paused"),
        (("pause", "environment", "nowhere"), "no environment 'nowhere'"),
    ],
)
def test_what_is_refused(manage: Manage, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        manage(*words)
