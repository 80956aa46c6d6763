"""Real texts to read: what the packages installed here ship. Plain Python, no steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

LICENCE_NAMES = ("LICENSE", "LICENCE", "COPYING")
MOST_CHARACTERS = 60_000


@dataclass(frozen=True, slots=True)
class Document:
    """A text and where it comes from."""

    title: str
    text: str


def find_document(kind: str) -> Document:
    """The longest "license" or "readme" that an installed package ships. Raises LookupError when there is none."""
    source = SOURCES.get(kind)
    if source is None:
        raise LookupError(f"no document {kind!r}; known: {', '.join(SOURCES)}")
    shipped = [document for package in distributions() for document in source(package)]
    readable = [document for document in shipped if 0 < len(document.text) <= MOST_CHARACTERS]
    if not readable:
        raise LookupError(f"no package installed here ships a {kind}")
    return max(readable, key=lambda document: (len(document.text), document.title))


def _licences(package: Distribution) -> Iterator[Document]:
    for file in package.files or []:
        path = Path(str(file.locate()))
        if path.name.startswith(LICENCE_NAMES) and path.suffix not in {".py", ".pyc"} and path.is_file():
            yield Document(f"{package.name} {package.version}: {file.name}", path.read_text("utf-8", "replace"))


def _readme(package: Distribution) -> Iterator[Document]:
    text = package.metadata.json.get("description", "")
    yield Document(f"{package.name} {package.version}: readme", str(text))


SOURCES = {"license": _licences, "readme": _readme}
