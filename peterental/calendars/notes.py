"""What a person writes into the description of a viewing's event stays there when the viewing changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

LABELS = ("Visitor:", "Phone:", "E-mail:", "Viewing:")
"""How our lines of a description begin."""

_BULLETS = " \t\u00a0•-*>"


def with_notes(
    ours: Sequence[str], present: Sequence[str], plain: Callable[[str], str] = lambda line: line
) -> list[str] | None:
    """Return the lines of a description: ours, and those of the present one that a person wrote.

    A present line that begins like one of ours is ours, wherever it is: a phone number that was deleted must not stay.

    Args:
        ours: our lines.
        present: the lines of the description as it is.
        plain: returns the text of a line that has markup.

    Returns:
        None if the present description has our lines already, and no earlier ones.
    """
    wanted = {_text(line, plain) for line in ours} - {""}
    texts = [_text(line, plain) for line in present]
    if wanted <= set(texts) and all(text in wanted for text in texts if _is_ours(text)):
        return None
    notes = [index for index, text in enumerate(texts) if text not in wanted and not _is_ours(text)]
    if not any(texts[index] for index in notes):
        return list(ours)
    place = next((index for index, text in enumerate(texts) if _is_ours(text)), None)
    if place is None:
        return [*ours, "", *present]
    before = [present[index] for index in notes if index < place]
    return [*before, *ours, *(present[index] for index in notes if index > place)]


def _text(line: str, plain: Callable[[str], str]) -> str:
    return plain(line).strip(_BULLETS)


def _is_ours(text: str) -> bool:
    return text.startswith(LABELS)
