"""Links and buttons of a page by the names that a screen reader says."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.named: list[tuple[str, str, str]] = []
        self._stack: list[tuple[str, bool]] = []
        self._open: list[tuple[str, str, str, list[str]]] = []
        self._action = ""
        self._is_main = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action = given.get("action", "")
        if tag == "input" and given.get("type") == "hidden":
            self._action += f"&{given.get('name')}={given.get('value')}" if given.get("name") != "csrf_token" else ""
        if tag in VOID:
            return
        self._is_main = self._is_main or tag == "main"
        is_hidden = given.get("aria-hidden") == "true" or any(hidden for _, hidden in self._stack)
        self._stack.append((tag, is_hidden))
        if tag in {"a", "button", "summary"} and not is_hidden and self._is_main:
            own = f"{given.get('formaction', self._action)}&{given.get('name', '')}={given.get('value', '')}"
            self._open.append((tag, given.get("aria-label", ""), given.get("href", "") if tag == "a" else own, []))

    def handle_endtag(self, tag: str) -> None:
        while self._stack:
            closed, _ = self._stack.pop()
            if closed in {"a", "button", "summary"} and self._open and self._open[-1][0] == closed:
                kind, label, target, words = self._open.pop()
                self.named.append((kind, label or " ".join("".join(words).split()), target))
            if closed == tag:
                break
        if tag == "form":
            self._action = ""

    def handle_data(self, data: str) -> None:
        if self._open and not any(hidden for _, hidden in self._stack):
            self._open[-1][3].append(data)


def named_targets(html: str) -> list[tuple[str, str, str]]:
    """Return the tag, the name and the target of each link, button and summary of a page, without its navigation.

    The target of a button is the address of its form with the form's hidden fields, and its own name and value.
    """
    reader = _Reader()
    reader.feed(html)
    return reader.named


def names_of_several(html: str) -> dict[str, list[str]]:
    """Return the names that stand for several things: the targets of each."""
    found: dict[tuple[str, str], set[str]] = {}
    for tag, name, target in named_targets(html):
        if tag != "summary":
            found.setdefault((tag, name), set()).add(target)
    return {
        f"{tag} “{name}”": sorted(targets) for (tag, name), targets in found.items() if len(targets) > 1 or not name
    }
