"""What an operation of the API is: the one declaration from which it is routed, checked and documented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from peterental.appointments.manual.model import Record, unrecorded
from peterental.users.tokens.model import CountedRequest, TokenScope, TokenViewer

if TYPE_CHECKING:
    from peterental.access import Viewer
    from peterental.services import Services


CREATED = 201
"""The HTTP status of an answer about something new."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request to an operation, checked and parsed.

    Args:
        services: of the application.
        token: on whose behalf it works.
        path: the values in the path.
        query: the fields of the query string, of the operation's type.
        body: the fields of the body, of the operation's type.
        if_match: the state that the tool has read, as its ETag; None if it does not say.
        counted: of a request with an Idempotency-Key.
        record: records the viewing that such a request made or changed, in the transaction that does it.
    """

    services: Services
    token: TokenViewer
    path: Mapping[str, Any]
    query: Any = None
    body: Any = None
    if_match: str | None = None
    counted: CountedRequest | None = None
    record: Record = unrecorded

    @property
    def viewer(self) -> Viewer:
        """On whose behalf it works."""
        return self.token.viewer


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an operation answers.

    Args:
        document: the body, of the operation's type.
        version: of the document, for its ETag; None for a hash of the body alone.
        viewing_id: the viewing that was made or changed.
        is_replay: whether an earlier request with the same Idempotency-Key did the work.
        location: the path of what was created.
    """

    document: msgspec.Struct
    version: str | None = None
    viewing_id: int | None = None
    is_replay: bool = False
    location: str | None = None


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation.

    Args:
        method: of HTTP.
        path: after /api/v1, with the names of values in braces.
        name: the operationId.
        summary: what it does, in a few words.
        description: what there is to know beside that.
        scope: what the token must allow.
        run: does it.
        document: the type of the answer's body.
        status: of the answer.
        query: the type of the query string's fields; None for none.
        body: the type of the body's fields; None for none.
        needs_body: whether the body may not be left out.
        problems: the codes of refusals, beside those that every operation has.
    """

    method: Literal["GET", "POST", "PATCH"]
    path: str
    name: str
    summary: str
    run: Callable[[Call], Answer]
    document: type[msgspec.Struct]
    description: str = ""
    scope: TokenScope = "read"
    status: int = 200
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    needs_body: bool = False
    problems: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it changes something, and so may have an Idempotency-Key."""
        return self.method != "GET"

    @property
    def creates(self) -> bool:
        """Whether it books a viewing, under a key by which a repetition finds it."""
        return self.status == CREATED

    @property
    def is_conditional(self) -> bool:
        """Whether it changes something that exists, and so may have If-Match."""
        return self.changes and "{viewing_id}" in self.path
