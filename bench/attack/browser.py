"""A visitor who signs in, follows links and finds the forms of every page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from bench.attack.wire import Answer, Wire, request

TEXT_TYPES = {"text", "search", "email", "tel", "password", "date", "time", "number", "datetime-local", "url", "hidden"}
_NUMBER = re.compile(r"\d+|[0-9a-f]{16,}")


@dataclass
class Form:
    """A form of a page.

    Args:
        page: the path of its page.
        method: GET or POST.
        action: where it is sent.
        fields: the values by name, as the page has them.
        free: the names of the fields that accept any text.
    """

    page: str
    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    free: list[str] = field(default_factory=list)


class SignInFailed(Exception):
    """The browser could not sign in."""


class Browser:
    """One session. Cookies are sent without TLS too, unlike by a real browser.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}
        self._wire: Wire | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request of this session."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return ({"Cookie": cookies} if cookies else {}) | {"Sec-Fetch-Site": "same-origin"}

    async def sign_in(self, email: str, password: str) -> None:
        """Sign in. Raises SignInFailed."""
        form = await self.sign_in_form()
        answer = await self.send(form, form.fields | {"email": email, "password": password})
        if answer.status != 303:  # noqa: PLR2004  # leads to the first page
            raise SignInFailed(f"status {answer.status}")

    async def sign_in_form(self) -> Form:
        """Return the form of the sign-in page. Raises SignInFailed."""
        answer = await self.get("/login")
        for form in parse("/login", answer.body).forms:
            if "password" in form.fields:
                return form
        raise SignInFailed(f"/login has no form, its status is {answer.status}")

    async def get(self, path: str) -> Answer:
        """Request a page; kept-alive connections are used again."""
        return await self._exchange(request("GET", path, self.headers))

    async def send(self, form: Form, fields: dict[str, str]) -> Answer:
        """Send a form with these fields."""
        query = urlencode(fields, errors="surrogatepass")
        if form.method == "GET":
            path = urlsplit(form.action).path
            return await self._exchange(request("GET", f"{path}?{query}", self.headers))
        headers = self.headers | {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._exchange(request("POST", form.action, headers, query.encode()))

    async def forms(self, most_pages: int) -> list[Form]:
        """Return one form of each kind, from at most `most_pages` kinds of pages."""
        found: dict[tuple[str, str, str], Form] = {}
        paths, seen = ["/", "/login", "/account"], set[str]()
        while paths and len(seen) < most_pages:
            path = paths.pop(0)
            if _kind(path) in seen or _kind(path).endswith(".csv"):
                continue
            seen.add(_kind(path))
            answer = await self.get(path)
            if not answer.header("content-type").startswith("text/html"):
                continue
            page = parse(path, answer.body)
            for form in page.forms:
                found.setdefault((form.method, _kind(form.action), " ".join(sorted(form.fields))), form)
            paths += page.links
        return list(found.values())

    def close(self) -> None:
        """Close its connection."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def _exchange(self, data: bytes) -> Answer:
        """Send a request on the kept connection; open another if the server has closed it."""
        is_kept = self._wire is not None
        try:
            if self._wire is None:
                self._wire = Wire(self._port)
                await self._wire.connect()
            await self._wire.send(data)
            answer = await self._wire.answer()
        except OSError:
            self.close()
            if is_kept:
                return await self._exchange(data)
            raise
        if answer.header("connection").lower() == "close":
            self.close()
        for name, value in answer.headers:
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                self._cookies[key] = rest.partition(";")[0]
        return answer


@dataclass
class Page(HTMLParser):
    """The links and forms of a page.

    Args:
        path: of the page.
    """

    path: str
    links: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Initialise the parser."""
        super().__init__()
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect links, forms and fields."""
        values: dict[str, Any] = {name: value or "" for name, value in attrs}
        if tag == "a" and values.get("href", "").startswith("/"):
            self.links.append(values["href"])
        elif tag == "form":
            action = urljoin(self.path, values.get("action") or self.path)
            self.forms.append(Form(self.path, values.get("method", "get").upper(), action))
        elif self.forms and values.get("name") and tag in {"input", "textarea", "select", "button"}:
            self._add_field(tag, values)
        elif tag == "option" and self._select:
            fields = self.forms[-1].fields
            if "selected" in values or self._select not in fields:
                fields[self._select] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a list of options."""
        if tag == "select":
            self._select = ""

    def _add_field(self, tag: str, values: dict[str, str]) -> None:
        form, name, kind = self.forms[-1], values["name"], values.get("type", "text")
        if tag == "select":
            self._select = name
        elif tag == "button" or (kind in {"checkbox", "radio"} and "checked" not in values):
            return
        else:
            form.fields[name] = values.get("value", "")
        if name != "csrf_token" and name not in form.free and (tag != "input" or kind in TEXT_TYPES):
            form.free.append(name)


def parse(path: str, body: bytes) -> Page:
    """Return the links and forms of a page."""
    page = Page(path)
    page.feed(body.decode(errors="replace"))
    return page


def _kind(path: str) -> str:
    """Return what pages of one kind have in common: the path with numbers replaced."""
    return _NUMBER.sub("*", urlsplit(path).path)
