"""Reports as PDF, in every script that citizens write in."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.conf.locale import LANG_INFO
from django.utils import timezone, translation

from executions.adapters.errors import AdapterError
from executions.adapters.pdf import fonts
from executions.adapters.pdf import text as texts
from executions.adapters.pdf.copying import without_repeats
from executions.adapters.pdf.layout import as_block, moment, text_block

EFFECT_CLASS = "idempotent"  # nothing outside changes: the same report gives the same bytes

TEMPLATE = Path(__file__).with_name("report.typ").read_bytes()
LANGUAGE = re.compile(r"([a-z]{2,3})(?:-[A-Za-z]{4})?(?:-([A-Za-z]{2}))?")
LETTER_PAPER = {"us", "ca", "mx", "ph", "co", "cl"}  # the countries where A4 is not the usual sheet (CLDR)
MAX_CHARACTERS = 1_000_000  # some 400 pages: beyond it a report is a mistake, and setting it takes minutes


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a report: its heading (may be empty) and any JSON value."""

    heading: str
    body: Any


@dataclass(frozen=True, kw_only=True)
class Report:
    """What goes onto the paper.

    Attributes:
        title: one line.
        reference: of the issue, such as ``ISSUE-000123``; stands on every page.
        language: of the report, as a BCP 47 tag such as ``hi`` or ``zh-Hant-TW``.
        generated_at: aware; stands below the title, and is the document's date.
    """

    title: str
    reference: str
    language: str
    generated_at: datetime
    sections: Sequence[Section]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A PDF/A-2a and PDF/UA-1 document, its number of pages, and the SHA-256 of its bytes in hex."""

    content: bytes
    pages: int
    sha256: str


def render_report(report: Report) -> Rendered:
    """Set a report as a tagged PDF; the same report gives the same bytes, on any machine.

    Raises:
        AdapterError: permanent; ``missing_glyphs`` (names the script that no font has), ``bad_language``,
            ``naive_datetime``, ``too_large`` or ``cannot_render``.
    """
    data = json.dumps(_data(report), ensure_ascii=False)
    if len(data) > MAX_CHARACTERS:
        raise _refused("The report is too long to be printed.", "too_large")
    try:
        pdf = typst.compile(
            TEMPLATE,
            font_paths=fonts.book(),
            ignore_system_fonts=True,
            sys_inputs={"report": data},
            timestamp=report.generated_at.astimezone(UTC).replace(microsecond=0),  # PDF dates have none
            # PDF/A refuses a glyph that stands for "no glyph": the second net below texts.visible.
            pdf_standards=["a-2a", "ua-1"],
        )
    except typst.TypstError as error:
        kind = "missing_glyphs" if "could not be displayed" in error.message else "cannot_render"
        raise _refused(f"The report cannot be set: {error.message[:300]}", kind) from error
    content, pages = without_repeats(pdf)
    return Rendered(content=content, pages=pages, sha256=hashlib.sha256(content).hexdigest())


def _data(report: Report) -> dict[str, Any]:
    """The whole report as plain data for the template."""
    tag = LANGUAGE.fullmatch(report.language)
    if tag is None:
        raise _refused("The language of a report is a BCP 47 tag, such as hi or zh-Hant-TW.", "bad_language")
    if timezone.is_naive(report.generated_at):
        raise _refused("A report is dated with a time zone.", "naive_datetime")
    language = report.language
    region = (tag[2] or "").lower() or None
    with translation.override(_django_language(language)):
        title = text_block(report.title, language)
        return {
            "lang": tag[1],
            "region": region,
            "rtl": translation.get_language_info(translation.get_language() or "en")["bidi"],
            "paper": "us-letter" if region in LETTER_PAPER else "a4",
            "east_asian": texts.east_asian("", language),
            "fonts": {key: fonts.stack(key) for key in fonts.EAST_ASIAN},
            "city": text_block(settings.CITY_NAME, language),
            "title": title,
            "plain_title": "".join(title["pieces"]),
            "reference": text_block(report.reference, language),
            "generated_at": text_block(moment(report.generated_at), language),
            "sections": [
                {
                    "heading": text_block(section.heading, language) if section.heading else None,
                    "body": as_block(section.body, language),
                }
                for section in report.sections
            ],
        }


DJANGOS = [code for code, told in LANG_INFO.items() if "bidi" in told]
"""The languages that Django itself knows; others in its list are names for one of these."""


def _django_language(language: str) -> str:
    """The nearest language that Django has dates and words in, whether the console offers it or not."""
    parts = language.lower().split("-")
    nearest = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    alike = [code for code in DJANGOS if code.startswith(f"{parts[0]}-")]
    return next((code for code in (*nearest, *alike) if code in DJANGOS), "en")


def _refused(message: str, code: str) -> AdapterError:
    return AdapterError(message, code=code, permanent=True)
