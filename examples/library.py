"""A library to do research in: what the packages installed here say of themselves. Plain Python, no steps."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distribution, distributions
from math import log
from pathlib import Path

from examples.readability import WORD, keywords

PARAGRAPH = re.compile(r"\n\s*\n")
MOST_MODULES = 60  # of a package; the ones with the shortest paths, which are the ones people import
CHARACTERS = (80, 700)  # of a paragraph that is worth quoting


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, where it stands, and how well it fits the terms that were looked for."""

    source: str
    place: str
    text: str
    score: float


def choose_sources(terms: list[str], known: list[str], most: int) -> list[str]:
    """The packages whose readmes are most about the terms, without those that are known already."""
    readmes = words_of_readmes()
    counts = {term: sum(term in words for words in readmes.values()) for term in terms}
    rarity = {term: log(len(readmes) / counts[term]) for term in terms if counts[term]}
    scores = {
        name: sum(rarity[term] * log(1 + words[term]) for term in rarity)
        for name, words in readmes.items()
        if name not in known
    }
    return [name for name in sorted(scores, key=lambda name: (-scores[name], name)) if scores[name]][:most]


def search_readme(source: str, terms: list[str]) -> list[Passage]:
    return best(source, [("readme", readme(distribution(source)))], terms)


def search_docstrings(source: str, terms: list[str]) -> list[Passage]:
    """In the modules of the package, their classes and functions."""
    return best(source, docstrings(distribution(source)), terms)


def best(source: str, texts: Iterable[tuple[str, str]], terms: list[str], most: int = 2) -> list[Passage]:
    """The paragraphs that hold most of the terms."""
    found = [
        Passage(source, place, " ".join(paragraph.split()), score)
        for place, text in texts
        for paragraph in PARAGRAPH.split(text)
        if CHARACTERS[0] <= len(paragraph) <= CHARACTERS[1] and (score := fit(paragraph, terms))
    ]
    return sorted(found, key=lambda passage: (-passage.score, passage.place))[:most]


def fit(paragraph: str, terms: list[str]) -> float:
    """Different terms count most, repetition little."""
    words = words_of(paragraph)
    return round(sum(1 + log(words[term]) / 4 for term in terms if words[term]), 2)


def widen(terms: list[str], passages: Iterable[Passage], more: int = 3) -> list[str]:
    """The terms, and words that are frequent where they were found: what people who search by hand do, too."""
    seen = keywords(WORD.findall(" ".join(passage.text for passage in passages)), most=20)
    return terms + [word for word in seen if word not in terms][:more]


def words_of(text: str) -> Counter[str]:
    """Words without the s of a plural, so that "timeout" finds "timeouts"."""
    return Counter(word.lower().removesuffix("s") for word in WORD.findall(text))


@cache
def words_of_readmes() -> dict[str, Counter[str]]:
    """By package; they stay as they are while this process lives."""
    return {package.name: words_of(readme(package)) for package in distributions()}


def readme(package: Distribution) -> str:
    return str(package.metadata.json.get("description", ""))


def docstrings(package: Distribution) -> Iterator[tuple[str, str]]:
    """Place and text of each docstring."""
    modules = [file for file in package.files or [] if file.suffix == ".py"]
    for module in sorted(modules, key=lambda file: (len(file.parts), str(file)))[:MOST_MODULES]:
        for node in ast.walk(parsed(Path(str(module.locate())))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module}:{getattr(node, 'lineno', 1)}", ast.get_docstring(node) or ""


def parsed(path: Path) -> ast.Module:
    """An empty module where the file is gone or is not of this Python."""
    try:
        return ast.parse(path.read_text("utf-8", "replace"))
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])
