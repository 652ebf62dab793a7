"""Find, read and delete the notices, texts, consents and waitlist entries of one person in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.properties.lookup import home_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection

KEPT = "kept after the data was deleted"
"""How a stop was said whose person had everything else deleted. Without the number, the next booking would end it."""

# What is between two columns is longer than what may be inside a number.
_NOTICE_TEXT = "concat_ws(' ------ ', subject, body, about)"
_OF_ENTRIES = "(about LIKE 'waitlist:%%' AND split_part(about, ':', 2) = ANY (%(entries)s))"
_WAITLIST_TEXT = "concat_ws(' ------ ', attendee_name, phone, property_address)"


@dataclass(frozen=True, kw_only=True)
class HeldNotices:
    """What is stored about a person beside viewings, calls and messages, by id.

    Args:
        notices: those to the person, also to another number or address about one of their viewings or waitlist places.
        naming: those to others whose text names the person.
        texts: texts that the person sent, also from another number about one of their viewings.
        naming_texts: texts of others that name the person.
        naming_consents: consents and stops of others whose words name the person.
        consents: what the person agreed to or revoked, also with another number or address for one of their viewings,
            without stops that a deletion kept.
        waitlist: their places on the waitlist, also those that they asked for in one of their calls for another number.
    """

    notices: tuple[int, ...] = ()
    naming: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    naming_texts: tuple[str, ...] = ()
    naming_consents: tuple[int, ...] = ()
    consents: tuple[int, ...] = ()
    waitlist: tuple[int, ...] = ()


class NoticePersonalDataRepository:
    """The notices of one database, by what they contain. Every method runs in the caller's transaction."""

    def search(
        self,
        connection: Connection,
        pattern: str,
        *,
        appointment_ids: Sequence[int],
        call_ids: Sequence[str],
        message_ids: Sequence[int],
    ) -> HeldNotices:
        """Return where a regular expression matches, and what is about the person's own. Reads the whole tables.

        Args:
            connection: of the transaction.
            pattern: the regular expression.
            appointment_ids: the person's viewings.
            call_ids: their calls.
            message_ids: their messages.
        """
        values: dict[str, object] = {
            "pattern": pattern,
            "appointment_ids": list(appointment_ids),
            "call_ids": list(call_ids),
            "about": [*(f"call:{call}" for call in call_ids), *(f"message:{message}" for message in message_ids)],
            "kept": KEPT,
        }
        waitlist = connection.execute(
            f"""
            SELECT entry_id FROM waitlist
            WHERE {_WAITLIST_TEXT} ~* %(pattern)s OR vapi_call_id = ANY (%(call_ids)s)
                OR appointment_id = ANY (%(appointment_ids)s)
            ORDER BY entry_id
            """.encode(),
            values,
        ).fetchall()
        values["entries"] = [str(row["entry_id"]) for row in waitlist]
        notices = connection.execute(
            f"""
            SELECT notice_id,
                   audience = 'visitor'
                       AND (
                           recipient ~* %(pattern)s OR appointment_id = ANY (%(appointment_ids)s) OR {_OF_ENTRIES}
                       ) AS is_own
            FROM notices
            WHERE recipient ~* %(pattern)s OR appointment_id = ANY (%(appointment_ids)s) OR about = ANY (%(about)s)
                OR {_OF_ENTRIES}
                OR {_NOTICE_TEXT} ~* %(pattern)s
                OR EXISTS (
                    SELECT FROM appointments AS viewing
                    WHERE viewing.id = ANY (%(appointment_ids)s) AND viewing.agent_id = notices.agent_id
                        AND strpos(notices.body, viewing.attendee_name) > 0
                )
            ORDER BY notice_id
            """.encode(),
            values,
        ).fetchall()
        texts = connection.execute(
            """
            SELECT provider_id,
                   sender ~* %(pattern)s OR COALESCE(appointment_id = ANY (%(appointment_ids)s), FALSE) AS is_own
            FROM text_replies
            WHERE concat_ws(' ------ ', sender, body, answer) ~* %(pattern)s
                OR appointment_id = ANY (%(appointment_ids)s)
            ORDER BY received_at, provider_id
            """,
            values,
        ).fetchall()
        consents = connection.execute(
            """
            SELECT consent_id,
                   recipient ~* %(pattern)s OR COALESCE(appointment_id = ANY (%(appointment_ids)s), FALSE) AS is_own
            FROM contact_consents
            WHERE recipient ~* %(pattern)s AND how_revoked IS DISTINCT FROM %(kept)s
                OR appointment_id = ANY (%(appointment_ids)s)
                OR concat_ws(' ------ ', words_given, words_revoked) ~* %(pattern)s
            ORDER BY consent_id
            """,
            values,
        ).fetchall()
        return HeldNotices(
            notices=tuple(row["notice_id"] for row in notices if row["is_own"]),
            naming=tuple(row["notice_id"] for row in notices if not row["is_own"]),
            texts=tuple(row["provider_id"] for row in texts if row["is_own"]),
            naming_texts=tuple(row["provider_id"] for row in texts if not row["is_own"]),
            naming_consents=tuple(row["consent_id"] for row in consents if not row["is_own"]),
            consents=tuple(row["consent_id"] for row in consents if row["is_own"]),
            waitlist=tuple(row["entry_id"] for row in waitlist),
        )

    def read_notices(self, connection: Connection, ids: Sequence[int]) -> list[DictRow]:
        """Return notices, earliest first."""
        return connection.execute(
            """
            SELECT kind, channel, recipient, state, reason, subject, body, created_at, handed_over_at, appointment_id
            FROM notices WHERE notice_id = ANY (%s) ORDER BY notice_id
            """,
            [list(ids)],
        ).fetchall()

    def read_texts(self, connection: Connection, ids: Sequence[str]) -> list[DictRow]:
        """Return texts that were received, earliest first."""
        return connection.execute(
            """
            SELECT sender, body, received_at, understood_as, answer, appointment_id
            FROM text_replies WHERE provider_id = ANY (%s) ORDER BY received_at, provider_id
            """,
            [list(ids)],
        ).fetchall()

    def read_consents(self, connection: Connection, ids: Sequence[int]) -> list[DictRow]:
        """Return consents, earliest first."""
        return connection.execute(
            """
            SELECT channel, recipient, purpose, appointment_id, given_at, how_given, words_given, revoked_at,
                   how_revoked, words_revoked
            FROM contact_consents WHERE consent_id = ANY (%s) ORDER BY consent_id
            """,
            [list(ids)],
        ).fetchall()

    def read_waitlist(self, connection: Connection, ids: Sequence[int]) -> list[DictRow]:
        """Return places on the waitlist, earliest first."""
        return connection.execute(
            f"""
            SELECT agent_id, vapi_call_id, attendee_name, phone, property_address, wanted::text AS wanted, created_at,
                   state, offers, appointment_id, {home_label("waitlist")} AS home_label
            FROM waitlist WHERE entry_id = ANY (%s) ORDER BY entry_id
            """.encode(),
            [list(ids)],
        ).fetchall()

    def delete(
        self, connection: Connection, held: HeldNotices, *, appointment_ids: Sequence[int], pattern: str, removed: str
    ) -> None:
        """Queue deleting what is the person's, and removing the person from what was written to others.

        A stop stays, with the number or address and nothing else: the law wants it followed, and a hash of a number is
        no better protected, since all numbers can be tried. The text of notices to others goes as a whole, since it
        names the person in words that no expression finds; what is still to be sent is written from the viewing.

        Args:
            connection: of the transaction.
            held: what `search` found.
            appointment_ids: the person's viewings, of which a notice may have been written since.
            pattern: the regular expression of the person.
            removed: what replaces its matches in texts of others.
        """
        values = {
            "notices": list(held.notices), "naming": list(held.naming), "texts": list(held.texts),
            "naming_texts": list(held.naming_texts), "consents": list(held.consents), "waitlist": list(held.waitlist),
            "naming_consents": list(held.naming_consents), "appointment_ids": list(appointment_ids),
            "pattern": pattern, "removed": removed, "kept": KEPT,
        }  # fmt: skip
        for statement in (
            # What is about to be handed over was written from what is deleted here: it is written again.
            """
            UPDATE notices SET state = 'waiting', claim = NULL
            WHERE audience = 'agent' AND state = 'sending' AND handed_over_at IS NULL AND ended_at IS NULL
            """,
            "DELETE FROM notices WHERE notice_id = ANY (%(notices)s)",
            "DELETE FROM notices WHERE audience = 'visitor' AND appointment_id = ANY (%(appointment_ids)s)",
            "UPDATE notices SET subject = NULL, body = NULL WHERE notice_id = ANY (%(naming)s)",
            "DELETE FROM text_replies WHERE provider_id = ANY (%(texts)s)",
            """
            UPDATE text_replies
            SET body = regexp_replace(body, %(pattern)s, %(removed)s, 'gi'), answer = NULL
            WHERE provider_id = ANY (%(naming_texts)s)
            """,
            """
            UPDATE contact_consents
            SET words_given = regexp_replace(words_given, %(pattern)s, %(removed)s, 'gi'),
                words_revoked = regexp_replace(words_revoked, %(pattern)s, %(removed)s, 'gi')
            WHERE consent_id = ANY (%(naming_consents)s)
            """,
            """
            DELETE FROM contact_consents
            WHERE consent_id = ANY (%(consents)s) AND (purpose <> 'all' OR revoked_at IS NULL)
            """,
            """
            UPDATE contact_consents
            SET given_at = NULL, how_given = NULL, words_given = NULL, how_revoked = %(kept)s, words_revoked = NULL
            WHERE consent_id = ANY (%(consents)s)
            """,
            "DELETE FROM waitlist WHERE entry_id = ANY (%(waitlist)s)",
        ):
            connection.execute(statement, values)
