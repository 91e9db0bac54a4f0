"""Which entry a text asks for: by the words they share, the rarer the weightier."""

import math
import re
import unicodedata
from dataclasses import dataclass

from reading import Entry

# Words that say nothing of what is asked.
COMMON = set(
    "a al algo buenas buenos como con cual cuales cuando de del dia dias donde el ella en es esta este esto hay "
    "hola la las le les lo los me mi mis muy no noches nos o para pero por porque puedo que quien quiero se ser si "
    "sin sobre son su sus tal tardes te tengo tiene tienen tu un una unos y ya yo "
    "an and are can do does for good have hello hi how i in is it my of on or please the to what when where "
    "which who you your".split()
)
LETTER = re.compile(r"[a-z0-9ñ]+")


@dataclass
class Found:
    place: int
    # 1.0 when every word of the text that matters is in the question, and the other way round.
    score: float
    # By how much it is ahead of the next one.
    lead: float


def fold(text: str) -> str:
    """Lower-case and without accents, but for the tilde of ñ."""
    kept = text.lower().replace("ñ", "\0")
    kept = "".join(c for c in unicodedata.normalize("NFD", kept) if not unicodedata.combining(c))
    return kept.replace("\0", "ñ")


def words(text: str) -> set[str]:
    """What matters of a text. Of each word only the stem, roughly: `precios` and `precio` are the same."""
    return {stem(word) for word in LETTER.findall(fold(text)) if word not in COMMON}


def stem(word: str) -> str:
    for ending in ("ces", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("z" if ending == "ces" else "")
    return word


def best(asked: set[str], entries: list[Entry]) -> Found:
    """The entry that fits best."""
    questions = [[words(question) for question in entry.questions] for entry in entries]
    weights = weigh(questions)
    scores = [max(similarity(asked, question, weights) for question in each) for each in questions]
    ranked = sorted(range(len(scores)), key=lambda place: -scores[place])
    second = scores[ranked[1]] if len(ranked) > 1 else 0.0
    return Found(ranked[0], scores[ranked[0]], scores[ranked[0]] - second)


def weigh(questions: list[list[set[str]]]) -> dict[str, float]:
    """A word of few entries says more than one of many."""
    counts: dict[str, int] = {}
    for each in questions:
        for word in set().union(*each):
            counts[word] = counts.get(word, 0) + 1
    return {word: 1.0 + math.log(len(questions) / count) for word, count in counts.items()}


def similarity(one: set[str], other: set[str], weights: dict[str, float]) -> float:
    """What two texts share, beside what either has."""
    weight = lambda words: sum(weights.get(word, 1.0) for word in words)
    whole = weight(one) + weight(other)
    return 2.0 * weight(one & other) / whole if whole else 0.0
