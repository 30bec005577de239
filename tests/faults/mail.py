"""A real SMTP server that receives, counts, and can be told to refuse, to hold its answer, or to do harm."""

import asyncio
import email
import email.policy
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from aiosmtpd.controller import Controller

from mudda.devstack.surroundings import free_port

ACCEPT = "250 OK"
LONGEST_HOLD = 60.0


@dataclass(frozen=True)
class Mail:
    """A letter that the server has taken."""

    to: str
    subject: str
    message_id: str
    text: str


class PostOffice:
    """``mails`` has what was taken.

    The functions of ``plan`` answer the next deliveries, after them all are taken: each gets the letter and
    returns the server's answer to DATA, on a thread of its own, where it may block. Addresses in ``refused``
    are refused before.
    """

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.offered = 0
        self.refused: set[str] = set()
        self._plans: list[Callable[[Mail], str]] = []
        self._lock = threading.Lock()
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def plan(self, *answers: Callable[[Mail], str] | str) -> None:
        """Answer the next deliveries so, one after the other."""
        with self._lock:
            self._plans += [
                answer if callable(answer) else lambda _, answer=answer: answer for answer in answers
            ]

    def forget(self) -> None:
        with self._lock:
            self.mails, self._plans, self.offered, self.refused = [], [], 0, set()

    def about(self, execution: str) -> list[Mail]:
        """The letters of one run, which is named in each Message-ID."""
        return [mail for mail in self.mails if execution in mail.message_id]

    def counts(self, execution: str) -> Counter[str]:
        """How often each letter of a run was taken, by Message-ID."""
        return Counter(mail.message_id for mail in self.about(execution))

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        if address in self.refused:
            return f"550 <{address}>: there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return ACCEPT

    async def handle_DATA(self, server, session, envelope) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        message_id = str(message["Message-ID"]).strip()  # a long one comes on a line of its own
        mail = Mail(envelope.rcpt_tos[0], str(message["Subject"]), message_id, text)
        with self._lock:
            self.offered += 1
            answer = self._plans.pop(0) if self._plans else lambda _: ACCEPT
        return await asyncio.get_running_loop().run_in_executor(None, self._answer, answer, mail)

    def _answer(self, answer: Callable[[Mail], str], mail: Mail) -> str:
        # On the thread, which goes on when whoever sends the letter has gone and the rest is cancelled.
        reply = answer(mail)
        if reply.startswith("250"):
            with self._lock:
                self.mails.append(mail)
        return reply


class Hold:
    """A plan that holds the answer until it is let go: ``arrived`` is set once the letter is there."""

    def __init__(self, reply: str = ACCEPT) -> None:
        self.reply = reply
        self.arrived = threading.Event()
        self.released = threading.Event()

    def __call__(self, mail: Mail) -> str:
        self.arrived.set()
        self.released.wait(LONGEST_HOLD)
        return self.reply

    def wait(self) -> None:
        assert self.arrived.wait(LONGEST_HOLD), "no letter arrived"

    def release(self) -> None:
        self.released.set()
