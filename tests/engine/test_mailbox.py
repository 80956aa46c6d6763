"""Which signals a live run keeps in memory, and which the database gives to a wait that is on its way there."""

from orchestrator.engine.mailbox import Mailbox


def test_the_oldest_letter_of_a_name_is_taken_first() -> None:
    mail = Mailbox([(1, "red", "a"), (2, "blue", "b"), (3, "red", "c")])

    assert [mail.take("red"), mail.take("red"), mail.take("red")] == [(1, "a"), (3, "c"), None]
    assert mail.take("blue") == (2, "b")


def test_a_wait_that_opens_is_given_the_letter_that_is_there() -> None:
    mail = Mailbox([(1, "red", "a"), (2, "red", "b")])
    mail.opened("wait", "red")

    assert mail.take("red") == (2, "b")


def test_a_wait_on_its_way_is_given_the_next_letter_and_no_second_one() -> None:
    """Two looks into the inbox before the wait is stored: the second signal is for the next wait."""
    mail = Mailbox([])
    mail.opened("wait", "red")
    mail.add([(1, "red", "a")])
    mail.add([(2, "red", "b")])

    assert mail.take("red") == (2, "b")


def test_a_wait_that_opened_on_a_letter_takes_none_of_those_that_come_before_it_is_stored() -> None:
    mail = Mailbox([(1, "red", "a")])
    mail.opened("wait", "red")
    mail.add([(2, "red", "b")])

    assert mail.take("red") == (2, "b")


def test_a_wait_that_met_its_signal_in_the_database_takes_none_here() -> None:
    mail = Mailbox([])
    mail.opened("wait", "red")
    mail.settled("wait")
    mail.add([(2, "red", "b")])

    assert mail.take("red") == (2, "b")


def test_letters_of_other_names_are_kept_beside_a_wait() -> None:
    mail = Mailbox([])
    mail.opened("wait", "red")
    mail.add([(1, "blue", "a"), (2, "red", "b"), (3, "red", "c")])

    assert mail.take("blue") == (1, "a")
    assert mail.take("red") == (3, "c")
    assert mail.take("red") is None
