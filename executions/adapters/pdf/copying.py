"""Make the text of a page come out right when it is copied, searched or read aloud.

Typst gives every cluster of glyphs its text. Where a mark sits above or below the line (dots of Arabic, tones
of Thai, vowels of Bengali) it is set by a command of its own and gets the whole cluster's text once more, so
that ``رئيسي`` was read as ``رئئييسيي`` (seen with typst 0.15.2, by poppler and MuPDF). Such a command draws
only glyphs without width and repeats a text that stands beside it; here it is told to stand for no text, in
the way that PDF has for it (ISO 32000-1, 14.9.4).
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pypdf import PdfWriter
from pypdf.generic import (
    ByteStringObject,
    ContentStream,
    DictionaryObject,
    NameObject,
    StreamObject,
    TextStringObject,
)

Operation = tuple[Any, bytes]

NO_TEXT = DictionaryObject({NameObject("/ActualText"): TextStringObject("")})
BEGIN_NO_TEXT: Operation = ([NameObject("/Span"), NO_TEXT], b"BDC")
END: Operation = ([], b"EMC")
MAPPED = re.compile(rb"<([0-9A-Fa-f]{4})>\s*<([0-9A-Fa-f]+)>\s*\n")  # a line of bfchar in a ToUnicode map


def without_repeats(pdf: bytes) -> tuple[bytes, int]:
    """The PDF with each cluster's text in it once, and the number of its pages.

    The original bytes stay; changed pages are appended to them (an incremental update), so what Typst
    promised (PDF/A, PDF/UA) still holds and the same input gives the same bytes.
    """
    writer = PdfWriter(io.BytesIO(pdf), incremental=True)
    for page in writer.pages:
        resources: Any = page["/Resources"]
        fonts = {name: _Font(font.get_object()) for name, font in resources.get("/Font", {}).items()}
        stream = ContentStream(page["/Contents"].get_object(), writer)
        repeats = _repeats(list(_shown(stream.operations, fonts)))
        if not repeats:
            continue
        stream.operations = list(_silenced(stream.operations, repeats))
        changed = StreamObject()
        changed.set_data(stream.get_data())
        writer._replace_object(page.raw_get("/Contents"), changed.flate_encode())
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue(), len(writer.pages)


@dataclass
class _Shown:
    """Something drawn: where its operation is (or the span that says its text), and what it stands for."""

    at: int
    text: str = ""
    only_marks: bool = True


class _Font:
    """What the glyphs of a font stand for, and which advance the pen; ids of two bytes, as Typst has them."""

    def __init__(self, font: Any) -> None:
        descendant = font["/DescendantFonts"][0].get_object()
        self.default = float(descendant.get("/DW", 1000))
        self.widths: dict[int, float] = {}
        rest = [item.get_object() for item in descendant.get("/W", [])]
        while rest:
            if isinstance(rest[1], list):  # first [w w w]
                first, widths, *rest = rest
                self.widths |= {int(first) + at: float(width) for at, width in enumerate(widths)}
            else:  # first last w
                first, last, width, *rest = rest
                self.widths |= dict.fromkeys(range(int(first), int(last) + 1), float(width))
        mapped = MAPPED.findall(font["/ToUnicode"].get_object().get_data())
        self.texts = {
            int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for glyph, text in mapped
        }

    def draw(self, operands: Any, operator: bytes) -> tuple[str, bool]:
        """The text of a Tj or TJ operation, and whether it draws nothing but marks."""
        parts = operands[0] if operator == b"TJ" else operands
        drawn = b"".join(
            part.original_bytes for part in parts if isinstance(part, TextStringObject | ByteStringObject)
        )
        glyphs = [int.from_bytes(drawn[at : at + 2]) for at in range(0, len(drawn), 2)]
        text = "".join(self.texts.get(glyph, "\ufffd") for glyph in glyphs)
        return text, not any(self.widths.get(glyph, self.default) for glyph in glyphs)


def _shown(operations: list[Operation], fonts: dict[str, _Font]) -> Iterator[_Shown]:
    font: _Font | None = None
    open_spans: list[_Shown | None] = []
    for at, (operands, operator) in enumerate(operations):
        if operator == b"Tf":
            font = fonts[operands[0]]
        elif operator in (b"BMC", b"BDC"):
            has_properties = operator == b"BDC" and isinstance(operands[1], dict)
            says = operands[1].get("/ActualText") if has_properties else None
            open_spans.append(None if says is None else _Shown(at, str(says)))
        elif operator == b"EMC":
            if span := open_spans.pop():
                yield span
        elif operator in (b"Tj", b"TJ") and font is not None:
            text, only_marks = font.draw(operands, operator)
            if span := next(filter(None, reversed(open_spans)), None):
                span.only_marks &= only_marks
            else:
                yield _Shown(at, text, only_marks)


def _repeats(shown: list[_Shown]) -> set[int]:
    """Where marks alone repeat the text of the nearest letters before or after them."""
    found: set[int] = set()
    before = ""
    for place, item in enumerate(shown):
        if not item.only_marks:
            before = item.text
            continue
        after = next((other.text for other in shown[place + 1 :] if not other.only_marks), "")
        if item.text in before or item.text in after:
            found.add(item.at)
    return found


def _silenced(operations: list[Operation], repeats: set[int]) -> Iterator[Operation]:
    for at, (operands, operator) in enumerate(operations):
        if at not in repeats:
            yield operands, operator
        elif operator == b"BDC":
            yield BEGIN_NO_TEXT
        else:
            yield from (BEGIN_NO_TEXT, (operands, operator), END)
