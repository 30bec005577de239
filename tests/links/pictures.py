"""Files that people send: good ones, and ones that are meant to do harm."""

import io
import struct
import zlib

import pymupdf
from PIL import ExifTags, Image

HERE = {1: "N", 2: (48.0, 8.0, 6.5), 3: "E", 4: (11.0, 34.0, 30.25)}
CAMERA = "Pocket Camera 3000"


def picture(kind: str = "JPEG", size: tuple[int, int] = (640, 480), colour: str = "navy", **options) -> bytes:
    """An image with a camera's metadata: where it was taken, with what, and which side is up."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = CAMERA
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.IFD.GPSInfo] = HERE
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, kind, exif=exif.tobytes(), **options)
    return written.getvalue()


def place_of(content: bytes) -> dict:
    with Image.open(io.BytesIO(content)) as image:
        return dict(image.getexif().get_ifd(ExifTags.IFD.GPSInfo))


def bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of a few kilobytes that says it has 2.5 billion pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def paper(**options) -> bytes:
    """A PDF with a photo, an author, a script and an attachment."""
    document = pymupdf.open()
    page = document.new_page()
    page.insert_image(pymupdf.Rect(0, 0, 200, 150), stream=picture())
    page.insert_text((72, 300), "The estimate")
    document.set_metadata({"author": "Ann Author", "title": "Secret title"})
    document.embfile_add("payload.bin", b"PAYLOAD" * 100)
    catalogue = document.pdf_catalog()
    document.xref_set_key(catalogue, "OpenAction", "<</S/JavaScript/JS(app.alert\\(1\\))>>")
    return document.tobytes(deflate=False, **options)
