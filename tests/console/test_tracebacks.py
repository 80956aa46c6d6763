from console.presenters.tracebacks import parse
from tests.console.factories import TRACEBACK


def test_a_chain_is_told_oldest_first_with_what_links_it():
    cause, effect = parse(TRACEBACK)
    assert cause.conclusion == ["httpx.ReadTimeout: timed out"]
    assert effect.link == "The above exception was the direct cause of the following exception"
    assert effect.conclusion == ["shop.payments.PaymentGatewayDown: no answer from https://api.payments.test after 2 s"]


def test_own_frames_and_library_frames_are_told_apart():
    cause, effect = parse(TRACEBACK)
    assert [(library, len(frames)) for library, frames in cause.stretches()] == [(False, 1), (True, 2)]
    assert [(library, len(frames)) for library, frames in effect.stretches()] == [(True, 1), (False, 2)]


def test_a_frame_keeps_its_code_without_the_carets_below_it():
    frame = parse(TRACEBACK)[0].frames[0]
    assert (frame.place, frame.line, frame.function) == ("srv/shop/payments.py", 41, "charge")
    assert frame.text == 'response = client.post("/charges", json=payload, timeout=2)'


def test_text_that_is_no_traceback_is_shown_as_it_is():
    [block] = parse("worker died")
    assert (block.frames, block.conclusion) == ([], ["worker died"])
