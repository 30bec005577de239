"""Uploaded files on their way out."""

from django.http import FileResponse

from executions.adapters.storage.transport import open_document
from executions.models import TaskUpload


def file_response(upload: TaskUpload) -> FileResponse:
    """The file: an image to be shown, a PDF to be saved; never anything that a browser would carry out.

    Raises:
        AdapterError: the storage is away, or has lost it.
    """
    response = FileResponse(
        open_document(upload.name),
        as_attachment=not upload.content_type.startswith("image/"),
        filename=upload.title,
        content_type=upload.content_type,
    )
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
