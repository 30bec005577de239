"""What a page can do: every script, handler and address in it that a browser would act on."""

import re
from html.parser import HTMLParser

ACTING_TAGS = {
    "iframe",
    "frame",
    "object",
    "embed",
    "applet",
    "base",
    "form",
    "style",
    "link",
    "meta",
    "svg",
    "math",
}
ADDRESSES = {
    "href",
    "src",
    "action",
    "formaction",
    "srcset",
    "data",
    "poster",
    "xlink:href",
    "background",
    "ping",
}
HANDLER = re.compile(r"^(on|x-|@|:|hx-|v-)|^(srcdoc|style|autofocus|http-equiv)$")
_CHANGING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}|[A-Za-z0-9]{64}|\d+")


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.can, self.inside = set(), []

    def handle_starttag(self, tag, attributes):
        given = [(name, value or "") for name, value in attributes]
        if tag == "script" and not dict(given).get("type", "").endswith("json"):
            self.inside.append("script")
        if tag == "script":
            self.can.add(("script", _same(dict(given).get("src", ""))))
        if tag in ACTING_TAGS:
            kept = {n: v for n, v in given if n in {"http-equiv", "rel", "method"}}
            self.can.add((tag, str(sorted(kept.items()))))
        for name, value in given:
            if HANDLER.match(name):
                self.can.add((name, _same(value)))
            if name in ADDRESSES and re.match(r"[\s\x00-\x20]*[a-z][a-z0-9+.\-\s]*:", value, re.IGNORECASE):
                self.can.add((name, _same(value)))
            elif name in ADDRESSES and value.strip().replace("\\", "/").startswith("//"):
                self.can.add((name, value))

    def handle_endtag(self, tag):
        if tag == "script" and self.inside:
            self.inside.pop()

    def handle_data(self, data):
        if self.inside and data.strip():
            self.can.add(("script text", _same(data.strip())))


def _same(text: str) -> str:
    """The same for pages of different rows: ids, digests, tokens and numbers are left out."""
    return " ".join(_CHANGING.sub("N", text).split())


def acts(response) -> set[tuple[str, str]]:
    """All that a browser would run, load or obey in the page."""
    assert response.status_code == 200, response.status_code
    reader = _Reader()
    reader.feed(response.content.decode())
    reader.close()
    return reader.can
