"""The forms of a page, filled in as a browser sends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """A form: where it is sent, and what it holds before anyone types.

    Args:
        action: its address; empty for that of the page.
        is_post: whether it changes something.
        fields: each name with its values.
        button: what the button adds that sends it to an address of its own.
    """

    action: str
    is_post: bool
    fields: dict[str, list[str]] = field(default_factory=dict)
    button: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, value: str) -> None:
        """Add a value to a field."""
        self.fields.setdefault(name, []).append(value)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._by_id: dict[str, Form] = {}
        self._open: Form | None = None
        self._select = ""
        self._options: list[tuple[str, bool]] = []
        self._text_name = ""
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "") == "post")
            self.forms.append(self._open)
            self._by_id[given.get("id", "")] = self._open
        form = self._by_id.get(given["form"]) if "form" in given else self._open
        if form is None or "disabled" in given:
            return
        if tag == "button" and "formaction" in given:
            self.forms.append(Form(given["formaction"], is_post=True, fields=form.fields, button=_button(given)))
        if tag == "input" and given.get("name") and _is_sent(given):
            form.add(given["name"], given.get("value", "on" if given.get("type") == "checkbox" else ""))
        elif tag == "select":
            self._select, self._options = given.get("name", ""), []
        elif tag == "option":
            self._options.append((given.get("value", ""), "selected" in given))
        elif tag == "textarea":
            self._text_name, self._text = given.get("name", ""), ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select" and self._open is not None and self._options:
            self._open.add(
                self._select, next((value for value, chosen in self._options if chosen), self._options[0][0])
            )
        elif tag == "textarea" and self._open is not None:
            self._open.add(self._text_name, self._text.removeprefix("\n"))
            self._text_name = ""

    def handle_data(self, data: str) -> None:
        if self._text_name:
            self._text += data


def _button(given: dict[str, str]) -> dict[str, list[str]]:
    return {given["name"]: [given.get("value", "")]} if given.get("name") else {}


def _is_sent(given: dict[str, str]) -> bool:
    kind = given.get("type", "text")
    return kind not in {"submit", "button", "file"} and (kind not in {"checkbox", "radio"} or "checked" in given)


def forms_of(html: str) -> list[Form]:
    """Return the forms of a page, in order."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms


def form_to(html: str, path: str, at: str) -> Form:
    """Return the form of a page that is sent to an address.

    Args:
        html: of the page.
        path: the address.
        at: the address of the page, where forms without one of their own are sent.
    """
    found = [form for form in forms_of(html) if form.is_post and (form.action or at) == path]
    assert found, f"no form at {at} is sent to {path}"
    return found[0]
