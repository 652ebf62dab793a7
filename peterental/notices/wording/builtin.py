"""The built-in wordings of all languages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from peterental.notices.model import Channel, Kind, Language
from peterental.notices.wording import english, spanish
from peterental.notices.wording.model import Wording, WordingKey

_BY_LANGUAGE: Mapping[Language, Mapping[tuple[Kind, Channel], Wording]] = MappingProxyType(
    {"en": english.WORDINGS, "es": spanish.WORDINGS}
)

BUILT_IN: Mapping[WordingKey, Wording] = MappingProxyType(
    {
        WordingKey(kind, channel, language): wording
        for language, wordings in _BY_LANGUAGE.items()
        for (kind, channel), wording in wordings.items()
    }
)
"""Every wording, in the order in which pages list them: by language, visitors' before agents'."""

_BY_NAME = {str(key): key for key in BUILT_IN}


def key_named(name: str) -> WordingKey | None:
    """Return the wording with a name such as `booked/text/en`; None if there is none."""
    return _BY_NAME.get(name)
