"""The mail server: connected to, greeted, secured and logged in to. Nothing is sent."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from cryptography.x509 import load_der_x509_certificate
from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend

from executions.adapters.email.backends import FilePerMail
from mudda.doctor import tls
from mudda.doctor.registry import Finding, error, fine, left_out, register, warning

TO_FILES = warning(
    "email_not_configured",
    "Nobody gets a letter: set EMAIL_URL, such as smtp+tls://USER:PASSWORD@mail.example.org:587.",
)
UNREACHABLE = error(
    "email_unreachable",
    "Compare host and port of EMAIL_URL; many networks let nobody out on port 25: take 587 (smtp+tls) or "
    "465 (smtp+ssl).",
)
NO_STARTTLS = error(
    "email_no_starttls",
    "The server offers no STARTTLS on this port: take the port that does (587), smtp+ssl:// with 465, or smtp:// "
    "inside a network that you trust.",
)
TLS_FAILED = error(
    "email_tls_failed",
    "Name the server as its certificate does, and have its authority among this machine's (SSL_CERT_FILE).",
)
LOGIN_REFUSED = error(
    "email_login_refused",
    "Compare user and password of EMAIL_URL (special characters are percent-encoded); the provider may want a password "
    "for programs, or TLS before a login.",
)
PLAIN = warning(
    "email_plain", "Letters go over the network in the clear: smtp+tls:// or smtp+ssl:// in EMAIL_URL."
)


def look() -> Iterator[Finding]:
    """Have the conversation up to where a letter would begin."""
    backend = get_connection()
    if isinstance(backend, FilePerMail):
        says = f"Letters are written to {settings.EMAIL_FILE_PATH}."
        yield TO_FILES.found(says) if settings.HTTPS_ONLY else fine(says)
    elif isinstance(backend, EmailBackend):
        yield from _smtp(backend)
    else:
        yield left_out(f"{type(backend).__name__} has no conversation that can be tried without a letter.")


def _smtp(backend: EmailBackend) -> Iterator[Finding]:
    where = {"host": backend.host, "port": backend.port}
    try:
        server = _connected(backend)
    except ssl.SSLError as problem:
        yield TLS_FAILED.found(f"{backend.host}:{backend.port}: {problem}.", **where)
        return
    except (OSError, smtplib.SMTPException) as problem:
        yield UNREACHABLE.found(f"No mail server at {backend.host}:{backend.port}: {problem}.", **where)
        return
    try:
        yield from _conversation(backend, server, where)
    finally:
        with suppress(OSError, smtplib.SMTPException):  # whatever there is to say has been said
            server.quit()


def _connected(backend: EmailBackend) -> smtplib.SMTP:
    """A server that has answered EHLO."""
    more: dict[str, Any] = {"context": backend.ssl_context} if backend.use_ssl else {}
    if backend.timeout is not None:
        more["timeout"] = backend.timeout
    server: smtplib.SMTP = backend.connection_class(backend.host, backend.port, **more)
    server.ehlo_or_helo_if_needed()
    return server


def _conversation(backend: EmailBackend, server: smtplib.SMTP, where: dict[str, Any]) -> Iterator[Finding]:
    if backend.use_tls:
        if not server.has_extn("starttls"):
            yield NO_STARTTLS.found(f"{backend.host}:{backend.port} offers no STARTTLS.", **where)
            return
        try:
            server.starttls(context=backend.ssl_context)
            server.ehlo()
        except (OSError, smtplib.SMTPException) as problem:
            yield TLS_FAILED.found(f"{backend.host}:{backend.port}: {problem}.", **where)
            return
    if isinstance(server.sock, ssl.SSLSocket):
        shown = server.sock.getpeercert(binary_form=True)
        if shown:
            yield tls.dated(load_der_x509_certificate(shown), name="The mail server's certificate")
    elif not tls.is_here(str(backend.host)):
        yield PLAIN.found(f"{backend.host}:{backend.port} is spoken to without TLS.", **where)
    if backend.username and backend.password:
        try:
            server.login(backend.username, backend.password)
        except smtplib.SMTPException as problem:
            said = getattr(problem, "smtp_code", type(problem).__name__)  # its text may quote the user
            yield LOGIN_REFUSED.found(f"{backend.host}:{backend.port} does not let us in ({said}).", **where)
            return
    yield fine(f"{backend.host}:{backend.port} would take letters.", **where)


register("email", look, words="the mail server: connection, EHLO, STARTTLS, login; nothing is sent")
