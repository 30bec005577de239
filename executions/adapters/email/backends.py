"""Where mail goes in development: a folder, one file a mail, that any mail reader opens."""

import os
import re
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class FilePerMail(BaseEmailBackend):
    """Write ``<UTC>-<message id>.eml`` into ``EMAIL_FILE_PATH``; a file is there whole or not at all."""

    def __init__(self, *, file_path: str | os.PathLike[str] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.folder = Path(file_path or settings.EMAIL_FILE_PATH)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        for mail in email_messages:
            self._write(mail.message())
        return len(email_messages)

    def _write(self, message: Message) -> None:
        identity = re.sub(r"[^\w.@-]", "_", str(message["Message-ID"]).strip("<>"))
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{identity[:150]}.eml"
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".", delete=False) as file:
            file.write(message.as_bytes())
        os.replace(file.name, self.folder / name)
