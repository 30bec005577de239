"""Files from outside, read by their content and written anew, without what nobody meant to send.

JPEG, PNG and WebP images are decoded and encoded again; PDFs are copied page by page without metadata, scripts
and attachments. HEIC is refused: phones send JPEG by themselves where a page doesn't accept HEIC, and no small
library reads it.

A file is read piece by piece from where it waits, and what is kept of it is written to where it waits: neither is ever
whole in memory, but for what its decoder takes. That is bounded by ``MOST_PIXELS``, by ``LARGEST_BYTES`` for a PDF's
objects and a WebP, which their libraries read whole, and by how many are decoded at the same time.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.core.files import File
from PIL import ExifTags, Image, ImageOps
from pypdf import PdfReader, PdfWriter
from pypdf.errors import DependencyError, FileNotDecryptedError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject, StreamObject

from mudda.errors import Unprocessable

LARGEST_BYTES = 10_000_000
MOST_PIXELS = 50_000_000
"""More than a phone's camera takes. Decoding one of this size and making it smaller takes 360 MB for a moment."""
TOO_MANY_PIXELS = "The image has more than 50 million pixels."
LONGEST_SIDE = 4096
"""Pixels; larger images are made smaller. Enough to read a meter on a photo of a whole cellar."""
MOST_PAGES = 200
SPOOLED_BYTES = 1_000_000
"""What is written anew waits in memory until it is larger, then on disk."""
BEGINNING = 16
"""Bytes that tell what a file is."""
JPEG_QUALITY = 88
ACCEPTED = "image/jpeg,image/png,image/webp,application/pdf"

FORMATS = {
    "JPEG": ("image/jpeg", ".jpg"),
    "MPO": ("image/jpeg", ".jpg"),  # a JPEG with a second picture inside; the first one is kept
    "PNG": ("image/png", ".png"),
    "WEBP": ("image/webp", ".webp"),
}
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim", b"heis")
UNWANTED_IN_PDF = frozenset(
    {"/Metadata", "/PieceInfo", "/AA", "/OpenAction", "/JS", "/JavaScript", "/EmbeddedFiles", "/Info"}
)
UNWANTED_SUBTYPES = frozenset({"/FileAttachment", "/RichMedia", "/Movie", "/Sound", "/Screen", "/3D"})

_decoding = threading.BoundedSemaphore(2)
"""Files are decoded two at a time: memory is what hostile ones are after."""


class BadFile(Unprocessable):
    code = "bad_file"
    title = "The file cannot be taken."

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[{"pointer": "/file", "code": self.code, "message": detail}])


@dataclass(frozen=True)
class CleanFile:
    """``file`` is open for reading."""

    file: "File[Any]"
    content_type: str
    suffix: str


Kind = tuple[str, str]
"""A media type and the suffix of such files."""
PDF: Kind = ("application/pdf", ".pdf")


@contextmanager
def clean_file(file: "File[Any]", *, keep_location: bool = False) -> Iterator[CleanFile]:
    """The file as it may be kept; it is gone afterwards.

    Args:
        file: what came, open for reading. Its name and its declared type are not asked.
        keep_location: keep the GPS position of a JPEG, PNG or WebP; everything else of its metadata goes anyway.

    Raises:
        BadFile: in words for whoever sent it.
    """
    with SpooledTemporaryFile(max_size=SPOOLED_BYTES) as written:
        kind = _write_anew(file, written, keep_location)
        written.seek(0)
        yield CleanFile(File(written), *kind)


def _write_anew(file: "File[Any]", written: IO[bytes], keep_location: bool) -> Kind:
    if not file.size:
        raise BadFile("The file is empty.")
    if file.size > LARGEST_BYTES:
        raise BadFile("The file is larger than 10 MB.")
    file.seek(0)
    beginning = file.read(BEGINNING)
    file.seek(0)
    if beginning.startswith(b"%PDF-"):
        with _decoding:
            return _clean_pdf(file, written)
    if _is_image(beginning):
        with _decoding:
            return _clean_image(file, written, keep_location)
    if beginning[4:8] == b"ftyp" and beginning[8:12] in HEIC_BRANDS:
        raise BadFile(
            "HEIC photos cannot be read here. Set the camera to JPEG (“most compatible”) and try again."
        )
    raise BadFile("This is not a JPEG, PNG or WebP image and not a PDF.")


def _is_image(beginning: bytes) -> bool:
    return (
        beginning.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or beginning[:4] == b"RIFF"
        and beginning[8:12] == b"WEBP"
    )


# --- images -----------------------------------------------------------------------------------------


def _clean_image(file: "File[Any]", written: IO[bytes], keep_location: bool) -> Kind:
    try:
        with Image.open(file, formats=["JPEG", "PNG", "WEBP"]) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise BadFile(TOO_MANY_PIXELS)
            return _encode(image, written, keep_location)
    except BadFile:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, far above ours
        raise BadFile(TOO_MANY_PIXELS) from error
    except Exception as error:  # decoders fail in many ways on what is meant to break them
        raise BadFile("The image is damaged and cannot be read.") from error


def _encode(image: Image.Image, written: IO[bytes], keep_location: bool) -> Kind:
    content_type, suffix = FORMATS[str(image.format)]
    position = image.getexif().get_ifd(ExifTags.IFD.GPSInfo) if keep_location else {}
    image.draft(None, (LONGEST_SIDE, LONGEST_SIDE))  # lets a large JPEG be decoded small
    # First smaller, then upright: what turns an image makes a second one.
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    ImageOps.exif_transpose(image, in_place=True)
    exif = Image.Exif()
    if position:
        exif[ExifTags.IFD.GPSInfo] = dict(position)
    bare = image.convert(_mode(image, content_type))
    bare.info = {}  # comments, profiles, XMP: what the encoders would write by themselves
    options: dict[str, Any] = {"exif": exif.tobytes()} if position else {}
    if content_type != "image/png":
        options["quality"] = JPEG_QUALITY
    bare.save(written, {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}[suffix], **options)
    return content_type, suffix


def _mode(image: Image.Image, content_type: str) -> str:
    if image.mode in {"1", "L"}:
        return "L"
    clear = image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
    return "RGBA" if clear and content_type != "image/jpeg" else "RGB"


# --- PDF --------------------------------------------------------------------------------------------


def _clean_pdf(file: "File[Any]", written: IO[bytes]) -> Kind:
    try:
        reader = PdfReader(file)
        if not 1 <= len(reader.pages) <= MOST_PAGES:
            raise BadFile(f"A PDF may have 1 to {MOST_PAGES} pages.")
        writer = PdfWriter()
        for page in reader.pages:
            _scrub(writer.add_page(page))
        writer.metadata = None
        writer.write(written)
        return PDF
    except BadFile:
        raise
    except (DependencyError, FileNotDecryptedError) as error:
        raise BadFile("The PDF is locked with a password.") from error
    except Exception as error:  # as with images; RecursionError among them
        raise BadFile("The PDF is damaged and cannot be read.") from error


def _scrub(page: Any) -> None:
    """Take scripts, attachments and metadata out of everything that hangs on a page, without recursion."""
    seen, waiting = set[int](), [page]
    while waiting:
        found = waiting.pop()
        if isinstance(found, IndirectObject):
            found = found.get_object()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, DictionaryObject):
            _scrub_one(found)
            waiting += list(found.values())
        elif isinstance(found, ArrayObject):
            waiting += list(found)


def _scrub_one(found: DictionaryObject) -> None:
    for name in UNWANTED_IN_PDF & found.keys():
        del found[name]
    if found.get("/Subtype") in UNWANTED_SUBTYPES or found.get("/S") in {"/JavaScript", "/Launch"}:
        found.clear()
    if isinstance(found, StreamObject) and found.get("/Filter") in (
        NameObject("/DCTDecode"),
        ["/DCTDecode"],
    ):
        found._data = without_app_segments(found._data)


def without_app_segments(jpeg: bytes) -> bytes:
    """A JPEG without Exif, XMP and comments (APP1 to APP13 and COM), its picture untouched.

    APP0 and APP14 stay: decoders need them for the colours. What does not look like a JPEG comes back as it is.
    """
    if not jpeg.startswith(b"\xff\xd8"):
        return jpeg
    kept, at = [jpeg[:2]], 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if not (0xE1 <= jpeg[at + 1] <= 0xED or jpeg[at + 1] == 0xFE):
            kept.append(jpeg[at:end])
        at = end
    return b"".join([*kept, jpeg[at:]])
