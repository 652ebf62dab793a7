"""Who may be sent notices, and who said stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.notices.consents.repository import ConsentRepository

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.consents.model import Consent
    from peterental.notices.model import Channel, Notice

BY_TEXT = "text message"
BY_PAGE = "page of the visitor"
AT_PROVIDER = "at the provider"


class Consents:
    """The consents of one database. STOP is kept per channel and recipient, and lasts until START.

    A number that is given for a viewing is consent to the notices of that viewing, and of no other.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._repository = ConsentRepository(database)

    def is_stopped(self, connection: Connection, channel: Channel, recipient: str) -> bool:
        """Return whether a recipient said stop on a channel, and not start since. One round trip.

        The recipient is locked: a stop comes before or after the whole transaction of `connection`.
        """
        return self._repository.is_stopped(connection, channel, recipient)

    def stop(
        self, connection: Connection, channel: Channel, recipient: str, *, how: str, words: str, at: datetime
    ) -> None:
        """Record that a recipient said stop. Saying it again changes nothing.

        Args:
            connection: of the transaction.
            channel: on which nothing is sent any more.
            recipient: a number in E.164, or an e-mail address.
            how: by what, such as BY_TEXT.
            words: what the person wrote.
            at: when, aware.
        """
        self._repository.stop(connection, channel, recipient, how=how, words=words, at=at)

    def start(
        self, connection: Connection, channel: Channel, recipient: str, *, how: str, words: str, at: datetime
    ) -> None:
        """Record that a recipient wants notices again; the arguments are those of `stop`."""
        self._repository.start(connection, channel, recipient, how=how, words=words, at=at)

    def record_opt_out(self, channel: Channel, recipient: str, reason: str, at: datetime) -> None:
        """Record that the provider refuses to send to a recipient, who said stop there. A transaction of its own.

        Args:
            channel: on which nothing is sent any more.
            recipient: a number in E.164, or an e-mail address.
            reason: what the provider said.
            at: when, aware.
        """
        with self._database.transaction() as connection:
            self._repository.stop(connection, channel, recipient, how=AT_PROVIDER, words=reason, at=at)

    def record_viewing(self, connection: Connection, notice: Notice) -> None:
        """Record the consent to the notices of a viewing when one of them is handed over. Costs no round trip.

        The consent is that of the phone call or form that made the viewing. Does nothing if it is recorded, or if the
        notice is about no viewing or not for its visitor.
        """
        if notice.appointment_id is not None and notice.audience == "visitor":
            self._repository.record_viewing(connection, notice)

    def allow_follow_up(self, appointment_id: int, *, words: str, at: datetime) -> None:
        """Record that the visitor agreed, on its page, to be written to once after missing a viewing.

        Args:
            appointment_id: of the viewing.
            words: what the visitor agreed to.
            at: when, aware.
        """
        with self._database.transaction() as connection:
            self._repository.record_follow_up(connection, appointment_id, how=BY_PAGE, words=words, at=at)

    def for_person(self, recipient: str) -> list[Consent]:
        """Return everything that a recipient agreed to or revoked, earliest first. One round trip."""
        return self._repository.for_person(recipient)
