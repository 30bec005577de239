"""Cutting a policy's text into passages: by its headings, and long parts by their size. Pure.

Headings are Markdown's (``# Heading``, or underlined with ``===`` or ``---``); in texts without any, short lines
that are numbered or in capitals.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_WORDS = 200
"""Of a passage: about a page's third. Long enough to say what a rule is, short enough to be quoted to a model."""
MOST_CHARACTERS = 2_000
"""For languages without spaces between words."""
LONGEST_HEADING = 300
LONGEST_HEADING_LINE = 80
NUMBERED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,3})[.)]?[ \t]+(?=\S)")
SENTENCE_END = re.compile(r"(?<=[.!?。।])\s")
FENCES = ("```", "~~~")


@dataclass(frozen=True)
class Piece:
    """A passage to be: the headings above it, joined by " > ", and its text."""

    heading: str
    text: str


def cut(heading: str, text: str) -> list[Piece]:
    """The passages of a text, in order. Every word of the text is in one of them, as text or as heading.

    Args:
        heading: the document's own, which stands above every passage.
        text: Markdown or plain text.
    """
    pieces = [
        Piece(path, part) for path, body in _sections(heading, text.splitlines()) for part in _parts(body)
    ]
    return pieces or [Piece(_joined([heading]), heading)]


# --- headings ---------------------------------------------------------------------------------------


def _sections(heading: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    path: list[tuple[int, str]] = []
    body: list[str] = []

    def section(next_level: int) -> tuple[str, str]:
        text = "\n".join(body).strip("\n")
        if path and not text.strip() and next_level <= path[-1][0]:
            text = path[-1][1]  # a heading with nothing below it is kept as a text of its own
        return _joined([heading, *(title for _, title in path)]), text

    for line, level, title in _read(lines):
        if level == 0:
            body.append(line)
            continue
        yield section(level)
        path = [*((at, above) for at, above in path if at < level), (level, title)]
        body = []
    yield section(0)


def _read(lines: list[str]) -> Iterator[tuple[str, int, str]]:
    """Each line with its level and title when it is a heading, else with level 0."""
    fenced, at = False, 0
    plain = not any(_hashed(line)[0] for line in lines)
    while at < len(lines):
        line = lines[at]
        if line.lstrip().startswith(FENCES):
            fenced = not fenced
        level, title = (0, "") if fenced else _hashed(line)
        if not fenced and not level and (under := _underlined(lines, at)):
            level, title = under, line.strip()
            at += 1
        if not fenced and not level and plain:
            level, title = _unmarked(lines, at)
        yield line, level, title
        at += 1


def _hashed(line: str) -> tuple[int, str]:
    stripped = line.strip()
    if not stripped.startswith("#") or len(line) - len(line.lstrip(" ")) > 3:
        return 0, ""
    title = stripped.lstrip("#")
    level = len(stripped) - len(title)
    if level > 6 or title[:1] not in {" ", "\t"}:
        return 0, ""
    title = title.strip().rstrip("#").strip()
    return (level, title) if title else (0, "")


def _underlined(lines: list[str], at: int) -> int:
    """The level of a heading that is underlined, or 0. Only a line of its own paragraph is one."""
    line = lines[at].strip()
    under = lines[at + 1].strip() if at + 1 < len(lines) else ""
    if not line or len(under) < 3 or len(line) > LONGEST_HEADING or at and lines[at - 1].strip():
        return 0
    if not any(map(str.isalnum, line)):
        return 0
    return {"=": 1, "-": 2}.get(under[0], 0) if not under.strip(under[0]) else 0


def _unmarked(lines: list[str], at: int) -> tuple[int, str]:
    """A heading as plain texts have them: ``2.1 Closing a lane`` or ``CLOSING A LANE``."""
    line = lines[at].strip()
    if not line or len(line) > LONGEST_HEADING_LINE or line[-1] in ".,;:!?":
        return 0, ""
    number = NUMBERED.match(line)
    if number is not None:
        title = line[number.end() :]
        listed = _is_numbered(lines, at - 1) or _is_numbered(lines, at + 1)
        return (0, "") if listed or not title[0].isupper() else (number[1].count(".") + 2, line)
    capitals = sum(map(str.isalpha, line)) >= 4 and line.isupper()
    return (1, line) if capitals else (0, "")


def _is_numbered(lines: list[str], at: int) -> bool:
    return 0 <= at < len(lines) and NUMBERED.match(lines[at].strip()) is not None


def _joined(titles: list[str]) -> str:
    """The path, without a title that repeats the one above it; its end is what says most when it is too long."""
    kept = [
        title for at, title in enumerate(titles) if at == 0 or title.casefold() != titles[at - 1].casefold()
    ]
    path = " > ".join(kept)
    return path if len(path) <= LONGEST_HEADING else "…" + path[1 - LONGEST_HEADING :]


# --- size -------------------------------------------------------------------------------------------


def _parts(body: str) -> Iterator[str]:
    """A section's paragraphs, put together up to the size of a passage."""
    kept: list[str] = []
    for paragraph in _small_enough(body):
        if kept and not _fits("\n\n".join([*kept, paragraph])):
            yield "\n\n".join(kept)
            kept = []
        kept.append(paragraph)
    if kept:
        yield "\n\n".join(kept)


def _small_enough(body: str) -> Iterator[str]:
    for paragraph in re.split(r"\n[ \t]*\n", body):
        stripped = paragraph.strip()
        if stripped and _fits(stripped):
            yield stripped
        elif stripped:
            yield from _gathered(SENTENCE_END.split(stripped))


def _gathered(sentences: list[str]) -> Iterator[str]:
    kept = ""
    for sentence in (piece for whole in sentences for piece in _chopped(whole)):
        longer = f"{kept} {sentence}".strip()
        if kept and not _fits(longer):
            yield kept
            longer = sentence
        kept = longer
    if kept:
        yield kept


def _chopped(sentence: str) -> Iterator[str]:
    """A sentence that is too long by itself, by words, and by characters where there are no words."""
    if _fits(sentence):
        yield sentence
        return
    kept: list[str] = []
    size = 0
    for word in sentence.split():
        for start in range(0, len(word), MOST_CHARACTERS):
            bit = word[start : start + MOST_CHARACTERS]
            if kept and (len(kept) == MOST_WORDS or size + len(bit) > MOST_CHARACTERS):
                yield " ".join(kept)
                kept, size = [], 0
            kept.append(bit)
            size += len(bit) + 1
    if kept:
        yield " ".join(kept)


def _fits(text: str) -> bool:
    return len(text) <= MOST_CHARACTERS and len(text.split()) <= MOST_WORDS
