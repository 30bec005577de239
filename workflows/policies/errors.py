"""What can go wrong with a policy document and with the file that it should come from."""

from mudda.errors import Conflict, Forbidden, Unprocessable


class PolicyEmpty(Unprocessable):
    code = "policy_empty"
    title = "A policy needs a heading and a text that can be read."


class PolicyTooLong(Unprocessable):
    code = "policy_too_long"
    title = "The policy is too long; cut it into several documents."


class UnknownVersion(Unprocessable):
    code = "unknown_version"
    title = "The policy has no such version."


class LanguageInForce(Conflict):
    code = "language_in_force"
    title = "The language of a policy that was published does not change; make another document."


class PolicyNotPublished(Conflict):
    code = "policy_not_published"
    title = "The policy is not in force."


class NotYourPolicy(Forbidden):
    code = "not_your_policy"
    title = "Policies of other departments, and of the whole city, are for others to write."


class PolicyFileRefused(Unprocessable):
    """What is wrong with a file; each kind has a code of its own."""

    def __init__(self, detail: str = "") -> None:
        message = detail or self.title
        super().__init__(detail, errors=[{"pointer": "/file", "code": self.code, "message": message}])


class FileTooLarge(PolicyFileRefused):
    code = "policy_file_too_large"
    title = "A policy's file may have at most 5 MB."


class FileNotText(PolicyFileRefused):
    code = "policy_file_not_text"
    title = "The file is neither a PDF nor text in UTF-8."


class PdfLocked(PolicyFileRefused):
    code = "pdf_locked"
    title = "The PDF is locked with a password."


class PdfWithoutText(PolicyFileRefused):
    code = "pdf_without_text"
    title = "The PDF has no text, only pictures: a scan. Have its text recognised first, or paste it."


class PdfDamaged(PolicyFileRefused):
    code = "pdf_damaged"
    title = "The PDF is damaged, or too large to be read."
