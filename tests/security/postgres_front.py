"""PostgreSQL as RDS offers it: TLS only, and a token of AWS's for a password. The database behind it is the tests' own.

Speaks the frontend/backend protocol up to the point where the client is let in: the request for TLS, the handshake, the
start-up packet, the request for a clear-text password, and an error for a token that AWS would not take.
"""

import contextlib
import hashlib
import hmac
import socket
import ssl
import struct
import threading
from urllib.parse import parse_qsl, quote, urlsplit

import trustme

TLS, GSS = 80877103, 80877104


class Front:
    """Ends TLS in front of the server at the Unix socket ``behind``.

    ``tokens`` are the passwords that were shown. With a ``secret`` only tokens that it has signed let anybody in.
    """

    def __init__(self, behind, authority, *, name="localhost", secret=None):
        self.behind, self.secret = behind, secret
        self.tokens, self.versions = [], []
        self.show(authority, name)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def show(self, authority: trustme.CA, name="localhost"):
        """From now on show a certificate of this authority for this name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        self.context = context

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, plain):
        with contextlib.suppress(OSError), plain:
            while (asked := _packet(plain))[1] == GSS:
                plain.sendall(b"N")
            if asked[1] != TLS:
                plain.sendall(_error("28000", "no pg_hba.conf entry, no encryption"))
                return
            plain.sendall(b"S")
            with self.context.wrap_socket(plain, server_side=True) as near:
                self.versions.append(near.version())
                start, _ = _packet(near)
                if self.secret and not self._lets_in(near):
                    near.sendall(_error("28P01", "PAM authentication failed"))
                    return
                with socket.socket(socket.AF_UNIX) as far:
                    far.connect(self.behind)
                    far.sendall(start)
                    back = threading.Thread(target=_pass, args=(far, near), daemon=True)
                    back.start()
                    _pass(near, far)
                    back.join()

    def _lets_in(self, near):
        near.sendall(b"R" + struct.pack("!II", 8, 3))
        assert _exactly(near, 1) == b"p"
        token = _exactly(near, struct.unpack("!I", _exactly(near, 4))[0] - 4).rstrip(b"\0").decode()
        self.tokens.append(token)
        return is_signed(token, self.secret)


def is_signed(token, secret):
    """Whether ``token`` bears the Signature Version 4 of ``secret``, worked out from AWS's description of it."""
    parts = urlsplit(f"https://{token}")
    given = dict(parse_qsl(parts.query))
    signature = given.pop("X-Amz-Signature", "")
    _, day, region, service, ending = given["X-Amz-Credential"].split("/")
    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(given.items()))
    nothing = hashlib.sha256(b"").hexdigest()
    request = f"GET\n{parts.path}\n{query}\nhost:{parts.netloc}\n\nhost\n{nothing}"
    scope = f"{day}/{region}/{service}/{ending}"
    text = f"AWS4-HMAC-SHA256\n{given['X-Amz-Date']}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, ending, text):
        key = hmac.digest(key, part.encode(), "sha256")
    return service == "rds-db" and hmac.compare_digest(key.hex(), signature)


def _packet(source):
    """A packet without a type, whole, and the number that it begins with."""
    head = _exactly(source, 8)
    length, number = struct.unpack("!II", head)
    return head + _exactly(source, length - 8), number


def _exactly(source, count):
    found = b""
    while len(found) < count:
        if not (more := source.recv(count - len(found))):
            raise OSError("hung up")
        found += more
    return found


def _error(code, message):
    fields = b"SFATAL\0VFATAL\0" + f"C{code}\0M{message}\0".encode() + b"\0"
    return b"E" + struct.pack("!I", len(fields) + 4) + fields


def _pass(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
