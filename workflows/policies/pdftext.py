"""The text of a PDF, read in a process of its own: ``python pdftext.py < file.pdf`` prints JSON.

A PDF is a program of sorts: some blow up to gigabytes, some never end. Here it can only harm this process, whose
memory and time are limited before a byte is read. Prints ``{"pages": [text, ...]}`` or ``{"error": "pdf_locked"}``.
"""

import contextlib
import io
import json
import resource
import sys

MOST_PAGES = 500
MOST_CHARACTERS = 2_000_000
MEMORY = 1_500_000_000
"""Bytes of addresses. Python with pypdf needs about 100 MB; a page with large pictures some hundred more."""
SECONDS = 25


def main() -> None:
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        with contextlib.suppress(
            ValueError, OSError
        ):  # not on every system; the parent has a clock of its own
            resource.setrlimit(limit, (most, most))
    json.dump(_read(sys.stdin.buffer.read()), sys.stdout)


def _read(content: bytes) -> dict[str, object]:
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

    try:
        reader = PdfReader(io.BytesIO(content))
        if len(reader.pages) > MOST_PAGES:
            return {"error": "pdf_damaged"}
        pages: list[str] = []
        for page in reader.pages:
            pages.append(page.extract_text())
            if sum(map(len, pages)) > MOST_CHARACTERS:
                break
        return {"pages": pages}
    except (DependencyError, FileNotDecryptedError, WrongPasswordError):
        return {"error": "pdf_locked"}
    except (
        Exception
    ):  # a file from outside may break a reader in any way: RecursionError, MemoryError among them
        return {"error": "pdf_damaged"}


if __name__ == "__main__":
    main()
