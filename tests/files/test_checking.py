"""Files are what their content says, and are written anew."""

import io
import random
import tracemalloc
from dataclasses import dataclass

import pymupdf
import pytest
from django.core.files import File
from django.core.files.base import ContentFile
from PIL import Image

from mudda.files.checking import LARGEST_BYTES, LONGEST_SIDE, BadFile, clean_file, without_app_segments
from mudda.files.keeping import readable_title
from tests.links.pictures import CAMERA, HERE, bomb, paper, picture, place_of


@dataclass
class Cleaned:
    content: bytes
    content_type: str


def cleaned(sent, **options):
    """What is kept of these bytes."""
    with clean_file(ContentFile(sent), **options) as clean:
        return Cleaned(clean.file.read(), clean.content_type)


KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_loses_its_place_and_its_camera_and_stays_upright(kind):
    sent = picture(kind, (640, 480))
    assert place_of(sent) == HERE
    clean = cleaned(sent)
    assert clean.content_type == KINDS[kind]
    assert place_of(clean.content) == {}
    assert CAMERA.encode() not in clean.content
    with Image.open(io.BytesIO(clean.content)) as image:
        assert image.size == (480, 640)
        assert dict(image.getexif()) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_where_the_form_asks_for_it_the_place_stays_and_nothing_else_does(kind):
    clean = cleaned(picture(kind), keep_location=True)
    assert place_of(clean.content) == HERE
    assert CAMERA.encode() not in clean.content


def test_comments_profiles_and_appended_bytes_are_gone():
    sent = picture(comment=b"a secret", icc_profile=b"profile" * 50) + b"<script>tail</script>"
    clean = cleaned(sent).content
    assert all(word not in clean for word in (b"a secret", b"profileprofile", b"<script>"))


def test_see_through_parts_stay_and_palettes_become_colours():
    written = io.BytesIO()
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(written, "PNG")
    with Image.open(io.BytesIO(cleaned(written.getvalue()).content)) as image:
        assert image.mode == "RGBA" and image.getpixel((0, 0))[3] == 0


def test_a_very_large_photo_is_made_smaller():
    with Image.open(io.BytesIO(cleaned(picture(size=(6000, 1000), quality=50)).content)) as image:
        assert max(image.size) == LONGEST_SIDE


def test_a_small_file_that_says_it_is_a_huge_image_is_refused_before_it_is_decoded():
    assert len(bomb()) < 5_000
    with pytest.raises(BadFile, match="50 million pixels"):
        cleaned(bomb())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xff\xd8\xff" + b"x" * (LARGEST_BYTES), "10 MB"),
        (b"GIF89a" + b"\0" * 50, "not a JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not a JPEG"),
        (b"<html><script>alert(1)</script>", "not a JPEG"),
        (b"MZ\x90\x00", "not a JPEG"),
        (b"PK\x03\x04", "not a JPEG"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "HEIC"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 100, "damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "damaged"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "damaged"),
        (b"%PDF-1.7\n<script>alert(1)</script>", "damaged"),
        (b"%!PS-Adobe-3.0", "not a JPEG"),
    ],
)
def test_what_is_no_image_and_no_pdf_is_refused_in_words(content, words):
    with pytest.raises(BadFile, match=words):
        cleaned(content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_was_cut_short_or_scrambled_is_refused_or_read_but_never_breaks_us(kind):
    sent, dice = picture(kind), random.Random(7)
    for _ in range(40):
        broken = bytearray(sent[: dice.randrange(4, len(sent) + 1)])
        for _ in range(dice.randrange(0, 9)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        try:
            clean = cleaned(bytes(broken))
        except BadFile:
            continue
        assert clean.content_type == KINDS[kind]


def test_a_pdf_keeps_its_pages_and_loses_author_script_attachment_and_the_places_of_its_photos():
    sent = paper()
    assert all(word in sent for word in (b"Ann Author", b"app.alert", b"EmbeddedFile", CAMERA.encode()))
    clean = cleaned(sent)
    assert clean.content_type == "application/pdf"
    gone = (b"Ann Author", b"app.alert", b"EmbeddedFile", CAMERA.encode())
    assert not any(word in clean.content for word in gone)
    with pymupdf.open(stream=clean.content) as document:
        assert "The estimate" in document[0].get_text()
        assert document.embfile_count() == 0
        assert len(document[0].get_images()) == 1


def test_a_locked_pdf_is_refused():
    with pytest.raises(BadFile, match="password"):
        cleaned(paper(encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="o", user_pw="u"))


# --- how much of it is in memory --------------------------------------------------------------------

PIECE = 100_000


class Watched(File):
    """A file that notes how much of it was read at once, and in all."""

    def __init__(self, path):
        super().__init__(path.open("rb"))
        self.largest = self.total = 0

    def read(self, size=-1):
        found = self.file.read(size)
        self.largest, self.total = max(self.largest, len(found)), self.total + len(found)
        return found


def noise(width, height):
    """An image that no encoder makes much smaller."""
    return Image.frombytes("RGB", (width, height), random.Random(7).randbytes(width * height * 3))


def almost_too_large(kind):
    """A file of almost 10 MB."""
    written = io.BytesIO()
    if kind == "PNG":
        noise(1_800, 1_800).save(written, kind, compress_level=0)
    elif kind == "JPEG":
        noise(2_550, 2_150).save(written, kind, quality=88, subsampling=0)
    else:
        photo = io.BytesIO()
        noise(600, 500).save(photo, "JPEG", quality=90)
        document = pymupdf.open()
        while len(photo.getvalue()) * len(document) < 9_000_000:
            document.new_page().insert_image(
                pymupdf.Rect(0, 0, 200, 150), stream=photo.getvalue() + b" " * len(document)
            )
        document.save(written)
    return written.getvalue()


@pytest.mark.parametrize(("kind", "most"), [("PNG", 2_500_000), ("JPEG", 2_500_000), ("PDF", 25_000_000)])
def test_a_file_of_almost_10_MB_is_read_and_written_piece_by_piece(kind, most, tmp_path):
    """``most`` are bytes of Python's, without Pillow's bitmap; a PDF's objects, but not the PDF, are among them."""
    sent = tmp_path / "sent"
    size = sent.write_bytes(almost_too_large(kind))
    assert 8_500_000 < size <= LARGEST_BYTES
    cleaned(picture())  # what is loaded once
    with Watched(sent) as file:
        tracemalloc.start()
        try:
            with clean_file(file) as clean:
                peak = tracemalloc.get_traced_memory()[1]
                assert clean.file.size > 1_000_000
        finally:
            tracemalloc.stop()
    assert file.largest < (1_000_000 if kind == "PDF" else PIECE)
    assert file.total > 0.9 * size, "it was looked at"
    assert peak < most


def test_what_is_too_large_or_nothing_of_ours_is_not_read_at_all(tmp_path):
    for content, most in ((b"\xff\xd8\xff" + b"x" * LARGEST_BYTES, 0), (b"MZ" + b"x" * 5_000_000, PIECE)):
        sent = tmp_path / "sent"
        sent.write_bytes(content)
        with Watched(sent) as file:
            with pytest.raises(BadFile), clean_file(file):
                pass
            assert file.total <= most


def test_what_is_no_jpeg_is_left_alone_when_segments_are_dropped():
    assert without_app_segments(b"no picture") == b"no picture"
    assert without_app_segments(b"\xff\xd8\xff\xe1\xff") == b"\xff\xd8\xff\xe1\xff"


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("photo.JPEG", "photo.jpg"),
        ("../../etc/passwd", "passwd.jpg"),
        ("C:\\Users\\ann\\leak 1.png", "leak 1.jpg"),
        ('<img src=x onerror="alert(1)">.jpg', "img src=x onerror= alert(1).jpg"),
        ("a\x00b\r\nc\u202e.jpg", "a b c.jpg"),
        ("", "file.jpg"),
        ("x" * 500, "x" * 150 + ".jpg"),
    ],
)
def test_a_files_name_is_for_reading_only(title, shown):
    assert readable_title(title, ".jpg") == shown
