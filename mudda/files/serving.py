"""Kept files on their way out."""

from typing import Protocol

from django.http import FileResponse

from mudda.files.storage import open_document

KINDS = ("image/jpeg", "image/png", "image/webp", "application/pdf")
"""The media types that are kept."""


class KeptFile(Protocol):
    """A row that knows a file: its ``name`` in the storage, and the ``title`` that people read."""

    name: str
    title: str
    content_type: str


def file_response(kept: KeptFile) -> FileResponse:
    """The file: an image to be shown, a PDF to be saved; never anything that a browser would carry out.

    Raises:
        AdapterError: the storage is away, or has lost it.
    """
    response = FileResponse(
        open_document(kept.name),
        as_attachment=not kept.content_type.startswith("image/"),
        filename=kept.title,
        content_type=kept.content_type,
    )
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
