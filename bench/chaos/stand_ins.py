"""Stand-ins for Google and Microsoft that misbehave on demand, and notice two requests at once for one mailbox."""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal
from urllib.parse import unquote

from tests.calendars import login
from tests.calendars.google import fake as google
from tests.calendars.microsoft.fake import FakeGraph, failure, throttled
from tests.calendars.provider_server import HTML, Answer, Asked, Drop, Reply

Mishap = Literal["lose", "spoil", "late", "hang", "expire", "refuse", "lie", "unavailable", "throttle"]
"""Of `tests.calendars.google.fake`. An answer is lost or cut off after the request was carried out; what is late is
carried out once the stand-in is calm again; `expire` ends tokens and cursors; the others carry nothing out."""

_PAGES = 3
"""Entries on a page while pages are small."""

_GOOGLE_CALENDAR = re.compile(r"/calendar/v3/calendars/(?P<name>[^/]+)/")


class Watch:
    """Looks at the requests that are under way for each mailbox.

    Attributes:
        broken: a sentence for each request that came while another one was under way.
        served: the number of requests by mailbox.
    """

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.served: Counter[str] = Counter()
        self._under_way: dict[str, list[socket.socket]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def request(self, mailbox: str, what: str, connection: socket.socket | None) -> Iterator[None]:
        """Watch a request for the block. One whose client has hung up is not under way any more.

        Args:
            mailbox: for which it is.
            what: method and path.
            connection: on which it came.
        """
        assert connection is not None  # noqa: S101  # tells mypy; both servers give it
        with self._lock:
            self.served[mailbox] += 1
            others = [each for each in self._under_way.get(mailbox, []) if not is_closed(each)]
            if others:
                self.broken.append(f"{len(others) + 1} requests at once for {mailbox}: {what}")
            self._under_way[mailbox] = [*others, connection]
        try:
            yield
        finally:
            with self._lock:
                self._under_way[mailbox] = [each for each in self._under_way[mailbox] if each is not connection]


def is_closed(connection: socket.socket) -> bool:
    """Return whether the client has closed a connection on which it waits for an answer."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class WatchedGoogle(google.GoogleFake):
    """Google with a watch. Which mailbox a refresh of tokens is for is not known, so those are not counted."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._used: set[str] = set()
        super().__init__()

    def answer(self, request: google.Request) -> google.Answer:
        """Answer a request, or let it fail."""
        found = _GOOGLE_CALENDAR.match(request.path)
        if found is None:
            return super().answer(request)
        with self.watch.request(unquote(found["name"]), f"{request.method} {request.path}", request.connection):
            answer = super().answer(request)
        self._used.add(_token_of(request))
        return answer

    def expire(self, request: google.Request) -> None:
        """End the access token of a request, unless it is new, and all cursors.

        A provider that does not even take new tokens has withdrawn the sign-in.
        """
        token = _token_of(request)
        if token in self._used:
            self._access.pop(token, None)
        self.expire_sync_tokens()


def _token_of(request: google.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


class WatchedGraph(FakeGraph):
    """Microsoft Graph with a watch, and with the mishaps of the stand-in for Google.

    Args:
        watch: counts its requests.
        mailbox_name: the name of its one mailbox.
    """

    def __init__(self, watch: Watch, mailbox_name: str) -> None:
        self.watch = watch
        self.mailbox_name = mailbox_name
        self.choose: Callable[[], Mishap | None] = lambda: None
        self._calmed = threading.Event()
        self._used: set[str] = set()
        super().__init__()

    def exchange(self, asked: Asked) -> Reply:
        """Answer a request, or let it fail."""
        if not asked.path.startswith("/v1.0/"):
            return super().exchange(asked)
        with self.watch.request(self.mailbox_name, f"{asked.method} {asked.path}", asked.connection):
            return self._misbehaving(asked, self.choose())

    def calm(self) -> None:
        """Let nothing fail any more, end requests that hang, and carry out those that are late."""
        self.choose = lambda: None
        self._calmed.set()
        self._calmed = threading.Event()
        self.release()

    def _misbehaving(self, asked: Asked, mishap: Mishap | None) -> Reply:
        instead: Mapping[Mishap | None, Reply] = {
            "hang": Drop(),
            "refuse": Drop(),
            "lie": HTML,
            "unavailable": failure(503, "ServiceUnavailable"),
            "throttle": throttled("1"),
        }
        if mishap == "hang":
            self._calmed.wait()
        if mishap == "late":
            self.late.append(asked)
            return Drop()
        if mishap in instead:
            return instead[mishap]
        if mishap == "expire":
            with self.lock:
                if asked.headers.get("authorization") in self._used:  # see WatchedGoogle.expire
                    self.login.expire()
                self.forget_feeds()
        reply = super().exchange(asked)
        self._used.add(asked.headers.get("authorization", ""))
        if mishap == "lose":
            return Drop()
        if mishap == "spoil" and isinstance(reply, Answer):
            return Answer(reply.status, reply.body[:-20], {"Content-Type": "application/json"})
        return reply


class StandIns:
    """Both providers.

    Args:
        graph_mailbox: the name of the mailbox at Microsoft.

    Attributes:
        watch: of all mailboxes.
    """

    def __init__(self, graph_mailbox: str) -> None:
        self.watch = Watch()
        self.google = WatchedGoogle(self.watch)
        self.graph = WatchedGraph(self.watch, graph_mailbox)

    def misbehave(self, choose: Callable[[], Mishap | None]) -> None:
        """Let requests for mailboxes fail until `calm`, as chosen for each.

        Args:
            choose: returns what goes wrong, or None to answer as usual. Called in any thread.
        """

        def choose_at_google(request: google.Request) -> str | None:
            mishap = choose() if request.path.startswith("/calendar/") else None
            if mishap == "expire":
                self.google.expire(request)
                return None
            return mishap

        self.google.misbehave(choose_at_google)
        self.graph.choose = choose

    def send_small_pages(self) -> None:
        """Answer lists in small pages, and empty ones with a link between them, until `calm`."""
        self.google.page_size = self.graph.page_size = _PAGES
        self.google.empty_pages = self.graph.empty_pages = 1

    def calm(self) -> None:
        """Let everything go well again."""
        self.google.calm()
        self.graph.calm()
        self.google.page_size, self.graph.page_size = None, 1000
        self.google.empty_pages = self.graph.empty_pages = 0

    @property
    def settings(self) -> dict[str, str]:
        """The settings of an application that takes these for the providers."""
        return {
            "ALLOW_PRIVATE_ADDRESSES": "1",
            "GOOGLE_API_URL": self.google.url,
            "GOOGLE_LOGIN_URL": self.google.url,
            "GOOGLE_CLIENT_ID": google.CLIENT_ID,
            "GOOGLE_CLIENT_SECRET": google.CLIENT_SECRET,
            "GRAPH_URL": self.graph.url,
            "MICROSOFT_LOGIN_URL": self.graph.url,
            "MICROSOFT_CLIENT_ID": login.CLIENT_ID,
            "MICROSOFT_CLIENT_SECRET": login.CLIENT_SECRET,
        }

    @property
    def violations(self) -> list[str]:
        """What differed from the providers' descriptions of their interfaces, and requests at once for a mailbox."""
        return [*self.watch.broken, *self.google.violations, *self.graph.problems]

    def close(self) -> None:
        """End both servers."""
        self.google.close()
        self.graph.close()
