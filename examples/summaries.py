"""A text in a few sentences: by a language model where one is configured, else by choosing the weightiest ones."""

import re
from dataclasses import dataclass

from examples.language_model import ask, endpoint
from examples.readability import WORD, keywords

SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
FEWEST_WORDS = 6  # of a sentence that says something
LOCAL = "this machine"
PROMPT = "Summarise this document in at most three sentences, in plain words.\n\n<document>\n{text}\n</document>"


@dataclass(frozen=True, slots=True)
class Summary:
    """``by`` is the model that wrote it, or this machine."""

    text: str
    by: str


def summarise(text: str) -> Summary:
    """Raises as ``examples.language_model.ask``."""
    model = endpoint()
    if model is None:
        return Summary(" ".join(weightiest(text)), LOCAL)
    return Summary(ask(model, PROMPT.format(text=text)), model.model)


def weightiest(text: str, most: int = 3) -> list[str]:
    """The sentences in which the text's keywords are densest, in the order of the text."""
    weights = keywords(WORD.findall(text), most=30)
    said, chosen = sentences(text), list[str]()
    for sentence in sorted(said, key=lambda sentence: -weight(sentence, weights)):
        if len(chosen) < most and not any(alike(sentence, other) for other in chosen):
            chosen.append(sentence)
    return sorted(chosen, key=said.index)


def sentences(text: str) -> list[str]:
    """Each once, on one line, without what is too short to say anything."""
    parts = (" ".join(part.split()) for part in SENTENCE.split(text))
    return list(dict.fromkeys(part for part in parts if len(part.split()) >= FEWEST_WORDS))


def alike(one: str, other: str) -> bool:
    """Most of their words are the same."""
    words, others = set(one.lower().split()), set(other.lower().split())
    return len(words & others) > min(len(words), len(others)) / 2


def weight(sentence: str, weights: dict[str, int]) -> float:
    words = [word.lower() for word in WORD.findall(sentence)]
    return sum(weights.get(word, 0) for word in set(words)) / (len(words) + FEWEST_WORDS)
