"""Reading a policy from a file: by its content, with an error that says what is wrong with it."""

import pymupdf
import pytest

from workflows.policies.errors import (
    FileNotText,
    FileTooLarge,
    PdfDamaged,
    PdfLocked,
    PdfWithoutText,
    PolicyEmpty,
    PolicyFileRefused,
)
from workflows.policies.importing import LARGEST_BYTES, read_policy

TEXT = "Street lighting\n\nA single lamp that is out is repaired within ten working days."


def pdf(*pages: str, **options) -> bytes:
    """A PDF with these texts on its pages."""
    document = pymupdf.open()
    for text in pages:
        document.new_page().insert_textbox(pymupdf.Rect(50, 50, 550, 780), text)
    return document.tobytes(**options)


def test_markdown_gives_its_first_heading_and_its_text():
    policy = read_policy(b"\xef\xbb\xbf\n# **Leaks**\r\n\r\nShut the valve.\r\n", "docs\\leaks.md")
    assert (policy.heading, policy.source) == ("Leaks", "leaks.md")
    assert policy.text == "\n# **Leaks**\n\nShut the valve.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_in_the_encodings_that_say_what_they_are(encoding):
    assert "Straßenlicht" in read_policy("Straßenlicht\n\nHell.".encode(encoding), "a.txt").text


def test_a_pdf_gives_its_text_whatever_its_name_is():
    policy = read_policy(pdf(TEXT), "lamps.txt")
    assert policy.heading == "Street lighting"
    assert "ten working days" in policy.text
    assert policy.source == "lamps.txt"


def test_running_heads_and_page_numbers_of_a_pdf_are_left_out_and_divided_words_are_whole():
    pages = [
        f"City of Example\nRules of part {name}.\nThe crew must al-\n"
        f"ways fence part {name}.\n{name} is done.\nPage {n} of 3"
        for n, name in enumerate(("one", "two", "three"), 1)
    ]
    text = read_policy(pdf(*pages), "rules.pdf").text
    assert "City of Example" not in text
    assert "Page 2" not in text
    assert text.count("always fence part") == 3


def test_a_pdf_that_only_limits_what_may_be_done_with_it_is_read():
    owned = pdf(TEXT, encryption=pymupdf.PDF_ENCRYPT_RC4_128, owner_pw="owner", user_pw="")
    assert "ten working days" in read_policy(owned, "a.pdf").text


@pytest.mark.parametrize("method", [pymupdf.PDF_ENCRYPT_RC4_128, pymupdf.PDF_ENCRYPT_AES_256])
def test_a_locked_pdf_says_so(method):
    with pytest.raises(PdfLocked):
        read_policy(pdf(TEXT, encryption=method, owner_pw="owner", user_pw="secret"), "a.pdf")


def test_a_scan_says_that_it_has_no_text():
    document = pymupdf.open()
    picture = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, 60, 60), False)
    document.new_page().insert_image(pymupdf.Rect(50, 50, 400, 400), pixmap=picture)
    with pytest.raises(PdfWithoutText):
        read_policy(document.tobytes(), "scan.pdf")


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n",
        b"%PDF-1.7\n" + b"\x00\xff" * 5_000,
        pdf(TEXT)[:300],
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    ],
)
def test_a_damaged_pdf_says_so(content):
    with pytest.raises((PdfDamaged, PdfWithoutText)):
        read_policy(content, "a.pdf")


def test_a_pdf_that_blows_up_is_refused_and_harms_nobody():
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((50, 50), TEXT)
    xref = page.get_contents()[0]
    document.update_stream(xref, b"BT /helv 9 Tf (all work) Tj ET\n" * 4_000_000, compress=True)
    content = document.tobytes(deflate=True)
    assert len(content) < LARGEST_BYTES
    with pytest.raises(PdfDamaged):
        read_policy(content, "bomb.pdf")


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"PK\x03\x04\x00\x00",
        "Stra\u00dfe".encode("latin-1"),
        b"text\x00text",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_text_says_so(content):
    with pytest.raises(FileNotText):
        read_policy(content, "policy.md")


@pytest.mark.parametrize("content", [b"", b" \n\t\n", b"\xef\xbb\xbf", b"***\n---\n"])
def test_a_file_with_nothing_to_read_says_so(content):
    with pytest.raises(PolicyEmpty):
        read_policy(content, "policy.md")


def test_a_file_of_more_than_five_megabytes_says_so():
    with pytest.raises(FileTooLarge):
        read_policy(b"a" * (LARGEST_BYTES + 1), "policy.md")


def test_every_refusal_has_a_code_and_a_sentence_of_its_own():
    refusals = PolicyFileRefused.__subclasses__()
    assert len({error.code for error in refusals}) == len({error.title for error in refusals}) == 5


@pytest.mark.parametrize(
    ("name", "source"), [("../../etc/passwd", "passwd"), ("a\x00b\n\u202ec.md", "a b c.md"), ("", "file")]
)
def test_a_files_name_is_kept_without_folders_and_tricks(name, source):
    assert read_policy(b"Leaks", name).source == source
