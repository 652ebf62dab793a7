"""Two real CalDAV servers on 127.0.0.1, each a process of a virtualenv of its own: Radicale and Xandikos."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from peterental.calendars.http import basic_authorization
from tests.servers import HANG_S, caldav_programs, free_port, until

ServerName = Literal["radicale", "xandikos"]

USER = "agent"
WORD = "correct horse"
WITNESS = Path(__file__).with_name("witness.py")


@dataclass(frozen=True)
class Server:
    """A running server.

    Args:
        name: which program.
        port: on 127.0.0.1.
        home: the path of the collection that has the calendars.
    """

    name: ServerName
    port: int
    home: str

    @property
    def root(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    def exchange(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Send a request; return the status, the body and the headers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=HANG_S)
        try:
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.headers.items())
        finally:
            connection.close()

    def ask(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request as the calendar's owner; return the status and the body."""
        sent = {"Authorization": basic_authorization(USER, WORD), **(headers or {})}
        return self.exchange(method, urlsplit(url).path, body, sent)[:2]

    def new_calendar(self, body: bytes = b"") -> RealCalendar:
        """Create a calendar."""
        url = f"{self.root}{self.home}{secrets.token_hex(6)}/"
        status, answer = self.ask("MKCALENDAR", url, body, {"Content-Type": "application/xml"} if body else {})
        assert status == 201, answer
        return RealCalendar(self, url)


@dataclass(frozen=True)
class RealCalendar:
    """A calendar on a server, and what its owner does with it.

    Args:
        server: which has it.
        url: of the calendar.
    """

    server: Server
    url: str

    def path(self, name: str) -> str:
        """Return the path of a resource."""
        return urlsplit(self.url).path + name

    def put(self, name: str, text: str) -> None:
        """Store iCalendar text as a resource."""
        status, answer = self.server.ask("PUT", self.url + name, text.encode(), {"Content-Type": "text/calendar"})
        assert status in {201, 204}, (status, answer)

    def text(self, name: str) -> str:
        """Return a resource as text, with lines unfolded."""
        status, body = self.server.ask("GET", self.url + name)
        assert status == 200, body
        return body.decode().replace("\r\n", "\n").replace("\n ", "")

    def delete(self, name: str = "") -> None:
        """Delete a resource, or the calendar."""
        status, answer = self.server.ask("DELETE", self.url + name)
        assert status in {200, 204}, answer

    def names(self) -> set[str]:
        """Return the names of the resources in the calendar."""
        status, body = self.server.ask("PROPFIND", self.url, headers={"Depth": "1"})
        assert status == 207, body
        hrefs = {str(found.text) for found in ET.fromstring(body).iter("{DAV:}href")}  # noqa: S314  # our server
        return {name for href in hrefs if (name := href.rpartition("/")[2]).endswith(".ics")}

    def witness(self) -> list[dict[str, Any]]:
        """Return the events as the `caldav` package reads them, in a process of its own."""
        programs = caldav_programs()
        assert programs is not None
        command = [str(programs / "python"), str(WITNESS), self.url, USER, WORD]
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, check=False)
        assert done.returncode == 0, done.stderr
        events: list[dict[str, Any]] = json.loads(done.stdout)
        return events


def _command(name: ServerName, programs: Path, folder: Path, port: int) -> list[str]:
    if name == "xandikos":
        options = ["--defaults", "--no-detect-systemd", "-l", "127.0.0.1", "-p", str(port)]
        return [str(programs / "xandikos"), "serve", "-d", str(folder), "--state-dir", str(folder / "state"), *options]
    users = folder / "users"
    users.write_text(f"{USER}:{WORD}\n", encoding="utf-8")
    settings = {
        "config": "",
        "server-hosts": f"127.0.0.1:{port}",
        "auth-type": "htpasswd",
        "auth-htpasswd-filename": str(users),
        "auth-htpasswd-encryption": "plain",
        "auth-delay": "0",
        "storage-filesystem-folder": str(folder / "collections"),
        "logging-level": "critical",
    }
    return [str(programs / "python"), "-m", "radicale", *(f"--{key}={value}" for key, value in settings.items())]


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=HANG_S)
    try:
        connection.request("OPTIONS", "/")
        connection.getresponse().read()
    except ConnectionError:
        return False
    finally:
        connection.close()
    return True


@contextmanager
def running(name: ServerName, folder: Path) -> Iterator[Server]:
    """Run a server on a folder of data until the block ends."""
    programs = caldav_programs()
    assert programs is not None
    port = free_port()
    home = f"/{USER}/" if name == "radicale" else "/user/calendars/"
    log = (folder / "log").open("wb")
    with log, subprocess.Popen(_command(name, programs, folder, port), cwd=folder, stdout=log, stderr=log) as process:
        try:
            until(lambda: process.poll() is not None or _answers(port), f"{name} answers")
            assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
            yield Server(name, port, home)
        finally:
            process.terminate()
            process.wait(HANG_S)
