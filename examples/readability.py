"""How hard a text is to read, and what it is about. Plain Python, no steps."""

import re
from collections import Counter
from dataclasses import dataclass

WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
SENTENCE_END = re.compile(r"[.!?:;]+(?=\s|$)|\n\s*\n")
VOWELS = re.compile(r"[aeiouy]+")
SHORTEST_KEYWORD = 4  # letters
STOP_WORDS = (
    "about above after also another because been before being below between both cannot could does doing each either"
    " every from have having here hereof hereby herein however into itself just more most must neither only other"
    " otherwise over same shall should some such than that their them then there thereof these they this those through"
    " thus under unless until upon very were what when where whereas whether which while whom whose will with within"
    " without would your yours"
)
# Flesch, "A new readability yardstick" (1948): the ease of a text is 0 to 100, and its name the first that is reached.
LEVELS = ((90, "very easy"), (80, "easy"), (70, "fairly easy"), (60, "plain"), (50, "fairly hard"), (30, "hard"))


@dataclass(frozen=True, slots=True)
class Reading:
    """What an analysis found; ``grade`` is in years of school, ``keywords`` say how often each comes."""

    words: int
    sentences: int
    reading_ease: float
    grade: float
    level: str
    keywords: dict[str, int]


def analyse(text: str) -> Reading:
    """Flesch's reading ease, Kincaid's grade and the ten most frequent keywords of an English text.

    Raises ValueError when there are no words in it.
    """
    words = WORD.findall(text)
    if not words:
        raise ValueError("the text has no words")
    sentences = sum(1 for part in SENTENCE_END.split(text) if WORD.search(part))
    words_a_sentence = len(words) / sentences
    syllables_a_word = sum(map(syllables, words)) / len(words)
    ease = 206.835 - 1.015 * words_a_sentence - 84.6 * syllables_a_word
    grade = 0.39 * words_a_sentence + 11.8 * syllables_a_word - 15.59
    return Reading(len(words), sentences, round(ease, 1), round(grade, 1), level_of(ease), keywords(words))


def syllables(word: str) -> int:
    """Groups of vowels, without a silent e at the end: right for nine English words of ten."""
    word = word.lower()
    groups = len(VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith(("le", "ee")) and groups > 1
    return max(1, groups - silent)


def level_of(ease: float) -> str:
    """Flesch's name for a reading ease."""
    return next((name for least, name in LEVELS if ease >= least), "very hard")


def keywords(words: list[str], most: int = 10) -> dict[str, int]:
    """The most frequent words that carry meaning, and how often each comes."""
    stop_words = STOP_WORDS.split()
    counts = Counter(word for word in map(str.lower, words) if len(word) >= SHORTEST_KEYWORD and word not in stop_words)
    return dict(counts.most_common(most))
