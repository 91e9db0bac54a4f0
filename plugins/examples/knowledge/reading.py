"""Questions and answers, from Markdown or from a list."""

from dataclasses import dataclass


@dataclass
class Entry:
    """An answer, and the ways to ask for it."""

    questions: list[str]
    answer: str


def entries(markdown: str, listed: list[dict]) -> list[Entry]:
    """All entries of both. A ValueError names what is wrong."""
    found = [Entry(entry["questions"], entry["answer"]) for entry in listed]
    return found + of_markdown(markdown)


def of_markdown(text: str) -> list[Entry]:
    """Each heading of the second level or deeper is a question, what follows is its answer. Headings
    that follow each other at once are ways to ask the same."""
    found: list[Entry] = []
    questions: list[str] = []
    answer: list[str] = []
    for line in [*text.splitlines(), "## "]:
        if line.startswith("##"):
            body = "\n".join(answer).strip()
            if questions and body:
                found.append(Entry(questions, body))
                questions = []
            question = line.lstrip("#").strip()
            if question:
                questions.append(question)
            answer = []
        elif questions:
            answer.append(line)
    if questions:
        raise ValueError(f"`markdown`: there is no answer below `{questions[-1]}`")
    return found
