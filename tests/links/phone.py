"""Somebody with a letter and a phone."""

import re
from html import unescape

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client


class Phone:
    """Opens a link, sees its page, and sends its form as a browser would."""

    def __init__(self):
        self.client = Client(enforce_csrf_checks=True)
        self.page = ""

    def open(self, path):
        """Follow the letter's link; the last answer, with its text in ``text``."""
        return self._keep(self.client.get(path, follow=True))

    def send(self, do, files=(), **fields):
        """Press a button of the page that is open. ``files`` are (field, name, content)."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.text)
        data = {"csrfmiddlewaretoken": token[1] if token else "", "do": do, **fields}
        for field, name, content in files:
            data.setdefault(field, []).append(SimpleUploadedFile(name, content, "application/octet-stream"))
        return self._keep(self.client.post(self.page, data, follow=True))

    def _keep(self, answer):
        if answer.redirect_chain:
            self.page = answer.redirect_chain[-1][0]
        self.text = unescape(answer.content.decode())
        return answer

    @property
    def ticked(self):
        """The ids of the files whose boxes are ticked."""
        boxes = re.findall(r'<input type="checkbox"[^>]*>', self.text)
        return [re.search(r'value="([^"]+)"', box)[1] for box in boxes if " checked" in box]
