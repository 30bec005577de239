"""Reading a policy from a file: Markdown, text or PDF, told by its content and never by its name."""

import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workflows.policies import pdftext
from workflows.policies.errors import (
    FileNotText,
    FileTooLarge,
    PdfDamaged,
    PdfLocked,
    PdfWithoutText,
    PolicyEmpty,
)

LARGEST_BYTES = 5_000_000
READING_SECONDS = 40
"""For a whole PDF, starting the process included."""
FEWEST_LETTERS = 20
"""Of a PDF's whole text: a scan has none, or a stamp."""
LONGEST_HEADING = 200
PAGE_NUMBER = re.compile(
    r"(?:page|seite|pagina|página|पृष्ठ)?\s*[-–]?\s*\d{1,4}(?:\s*(?:/|of|von|van|de|sur)\s*\d{1,4})?\s*[-–]?",
    re.IGNORECASE,
)
UNREADABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class ImportedPolicy:
    """What a file says: its heading (at most 200 characters), its text, and the name that it came with."""

    heading: str
    text: str
    source: str


def read_policy(content: bytes, name: str) -> ImportedPolicy:
    """The heading and the text of a file.

    Args:
        content: the file, at most ``LARGEST_BYTES``.
        name: what it was called, for people to read; the heading where the file has none.

    Raises:
        FileTooLarge, FileNotText, PolicyEmpty.
        PdfLocked, PdfWithoutText, PdfDamaged: of a PDF that cannot be read, in words for whoever sent it.
    """
    if len(content) > LARGEST_BYTES:
        raise FileTooLarge
    is_pdf = b"%PDF-" in content[:1024]
    text = _pdf_text(content) if is_pdf else _decoded(content)
    if not any(map(str.isalnum, text)):
        raise PolicyEmpty("There is nothing to read in the file.")
    source = _source(name)
    return ImportedPolicy(_heading(text) or PurePosixPath(source).stem[:LONGEST_HEADING], text, source)


def _decoded(content: bytes) -> str:
    encoding = BYTE_ORDER_MARKS.get(content[:2], "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileNotText from error
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    if UNREADABLE.search(text):
        raise FileNotText("The file is not a text: it has control characters in it.")
    return text


def _heading(text: str) -> str:
    """The first line that says something, without the marks of Markdown."""
    for line in text.splitlines():
        title = line.strip().strip("#=*_- \t")
        if any(map(str.isalnum, title)):
            return " ".join(title.split())[:LONGEST_HEADING]
    return ""


def _source(name: str) -> str:
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in last)
    return " ".join(shown.split())[:200] or "file"


# --- PDF --------------------------------------------------------------------------------------------


def _pdf_text(content: bytes) -> str:
    found = _extracted(content)
    if found.get("error") == "pdf_locked":
        raise PdfLocked
    pages = found.get("pages")
    if not isinstance(pages, list):
        raise PdfDamaged
    text = "\n".join(_without_furniture([_clean(page) for page in pages]))
    if sum(map(str.isalpha, text)) < FEWEST_LETTERS:
        raise PdfWithoutText
    return re.sub(r"\n{3,}", "\n\n", _unhyphenated(text)).strip()


def _extracted(content: bytes) -> dict[str, object]:
    """What the reading process printed; nothing when it was ended by its limits."""
    command = [sys.executable, "-I", str(Path(pdftext.__file__).resolve())]
    try:
        done = subprocess.run(  # noqa: S603 (our own program; the file goes in on its standard input)
            command, input=content, capture_output=True, timeout=READING_SECONDS, check=False
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise PdfDamaged from error
    return answer if isinstance(answer, dict) else {}


def _clean(page: str) -> list[str]:
    kept = UNREADABLE.sub(" ", page.encode("utf-8", "replace").decode())
    return [line.rstrip() for line in kept.replace("\u00ad\n", "").splitlines()]


def _without_furniture(pages: list[list[str]]) -> list[str]:
    """All lines but page numbers, and what stands first or last on most pages: running heads and feet."""
    edges = Counter(
        line for lines in pages for line in {text.strip() for text in (*lines[:2], *lines[-2:])} if line
    )
    repeated = {line for line, count in edges.items() if len(pages) > 2 and count > len(pages) / 2}
    kept = []
    for lines in pages:
        for at, line in enumerate(lines):
            edge = at < 2 or at >= len(lines) - 2
            if not (edge and (line.strip() in repeated or PAGE_NUMBER.fullmatch(line.strip()))):
                kept.append(line)
    return kept


def _unhyphenated(text: str) -> str:
    """Words that were divided at the end of a line, whole again."""
    return re.sub(r"(?<=[^\W\d_])-\n(?=[^\W\d_])", lambda found: "", text)
