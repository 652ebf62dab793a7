"""What people typed is a value in the sentence of an error, and never a format of it."""

from __future__ import annotations

import pytest

from peterental.privacy.person import PersonUnknown

HOSTILE = ("{person}", "{0.__class__}", "{person.__init__.__globals__}", "%(person)s", "{{", "}", "$person")


@pytest.mark.parametrize("typed", HOSTILE)
def test_value_of_a_sentence_is_no_format(typed: str) -> None:
    assert str(PersonUnknown(person=typed)) == f"Nothing is stored about {typed}."
