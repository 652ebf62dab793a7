"""Lines, accounts and set-ups at Vapi, and what can go wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from peterental.errors import Fault, Refusal

MAX_NAME_CHARS = 40
"""Vapi takes no longer name of an assistant."""
MAX_FIRST_MESSAGE_CHARS = 1000
MAX_KEY_CHARS = 200

Step = Literal["assistant", "tools", "agent", "number"]
STEPS: tuple[Step, ...] = ("assistant", "tools", "agent", "number")
"""The steps of a set-up, in order: the assistant exists, it is written, the agent has the ids, the number rings it."""

Remote = Mapping[str, Any]
"""An assistant, a number or a tool as Vapi returns it."""


class VapiTrouble(Fault):
    """Vapi did not do what it was asked."""


class VapiUnreachable(VapiTrouble):
    """Vapi cannot be reached: {reason}. Try again in a minute."""


class VapiThrottled(VapiTrouble):
    """Vapi takes no more requests for {seconds} seconds. Try again then."""


class VapiKeyRefused(VapiTrouble):
    """Vapi refused the key. Enter the account's private key: its public key cannot change assistants."""


class VapiRefused(VapiTrouble):
    """Vapi refused to {action}: {reason}."""


class VapiNonsense(VapiTrouble):
    """Vapi's answer cannot be read: {reason}."""


class VapiGone(VapiTrouble):
    """Vapi has no {what} with the id {remote_id}."""


class AccountMissing(Refusal):
    """No Vapi account is connected. An admin connects one on the page Phone line."""


class AccountKeyUnreadable(Refusal):
    """The key of the Vapi account cannot be decrypted, because CREDENTIALS_KEY has changed. Enter the key again."""


class AccountFromEnvironment(Refusal):
    """The key comes from VAPI_API_KEY. Change it there."""


class StorageKeyMissing(Refusal):
    """Keys cannot be stored: an admin has to set CREDENTIALS_KEY, which encrypts them, or VAPI_API_KEY."""


class KeyInvalid(Refusal):
    """Enter the private key as Vapi shows it, in one line."""


class AddressNotPublic(Refusal):
    """Vapi cannot reach {address}. Set PUBLIC_URL to the public address, which begins with https://."""


class SecretMissing(Refusal):
    """Vapi's calls would be refused: VAPI_WEBHOOK_SECRET is not set."""


class IdInvalid(Refusal):
    """{value} is not an id of Vapi, such as 6f1c8a3e-2b4d-4c5e-9f60-7a8b9c0d1e2f."""


class NameInvalid(Refusal):
    """The name of an assistant needs 1 to {characters} characters."""


class FirstMessageInvalid(Refusal):
    """The greeting needs 1 to {characters} characters."""


class NumberInUse(Refusal):
    """That number rings {agent_name}. Choose another number, or change the line of {agent_name} first."""


class AssistantInUse(Refusal):
    """That assistant answers for {agent_name}. Choose another one, or create a new one."""


class LineChanged(Refusal):
    """The {what} was changed on Vapi after you opened this page. Nothing was written to it. Compare again."""


class SetUpMissing(Refusal):
    """Choose an assistant first."""


class SetUpBusy(Refusal):
    """This line is being written right now. Reload the page in a moment."""


class MarkersDamaged(Refusal):
    """The markers of PeteRental in the assistant's prompt are incomplete. Delete what is left of them on Vapi."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """The connected account.

    Args:
        is_from_environment: the key comes from VAPI_API_KEY.
        connected_at, connected_by: when and by whom the key was entered.
        problem: why the last background job failed; None if it did not.
        reconciled_at: when calls were last compared with Vapi's list, aware.
    """

    is_from_environment: bool
    connected_at: datetime | None = None
    connected_by: str | None = None
    problem: str | None = None
    reconciled_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A part of an assistant or a number, as PeteRental wants it and as Vapi has it. It holds no secret.

    Args:
        part: what is compared.
        ours: what PeteRental wants; empty where it wants nothing.
        theirs: what Vapi has.
        is_written: whether a click writes `ours`; otherwise Vapi's value stays.
    """

    part: str
    ours: str
    theirs: str
    is_written: bool


@dataclass(frozen=True, kw_only=True)
class LineCheck:
    """A comparison of an agent's line with what Vapi has.

    Args:
        checked_at: aware.
        assistant_version, number_version: `updatedAt` of what was compared.
        number: in E.164; None without one.
        differences: what differs, and what stays although PeteRental does not want it.
        problem: why nothing could be compared, or why no call reaches the agent.
    """

    agent_id: str
    checked_at: datetime
    assistant_name: str = ""
    assistant_version: str = ""
    number: str | None = None
    number_version: str = ""
    differences: tuple[Difference, ...] = ()
    problem: str | None = None

    @property
    def written(self) -> tuple[Difference, ...]:
        """What a click would write."""
        return tuple(each for each in self.differences if each.is_written)

    @property
    def kept(self) -> tuple[Difference, ...]:
        """What stays as it is on Vapi."""
        return tuple(each for each in self.differences if not each.is_written)

    @property
    def differs(self) -> bool:
        """Whether anything has to be written, or is wrong."""
        return bool(self.written) or self.problem is not None


@dataclass(frozen=True, kw_only=True)
class LineChoice:
    """What a person chose for an agent's line.

    Args:
        assistant_id: of an assistant that exists; None creates one.
        name, first_message: of a new assistant.
        phone_number_id: the number that rings it; None leaves the numbers alone.
        seen_assistant, seen_number: `updatedAt` of what was shown; empty skips the check for edits in between.
    """

    assistant_id: str | None = None
    name: str = ""
    first_message: str = ""
    phone_number_id: str | None = None
    seen_assistant: str = ""
    seen_number: str = ""


@dataclass(frozen=True, kw_only=True)
class SetUp:
    """A set-up of an agent's line, which may have stopped in the middle.

    Args:
        key: in the metadata of the assistant that it creates, by which that is found again.
        done: the finished steps.
        is_asked: whether Vapi was asked to create the assistant.
        problem: why it stopped; None if it did not.
        finished_at: aware; None while steps are missing.
    """

    agent_id: str
    key: UUID
    choice: LineChoice
    done: tuple[Step, ...] = ()
    is_asked: bool = False
    problem: str | None = None
    finished_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether every step is done."""
        return self.finished_at is not None


@dataclass(frozen=True, kw_only=True)
class LineState:
    """What is known of an agent's line, without asking Vapi."""

    set_up: SetUp | None
    check: LineCheck | None

    @property
    def is_unfinished(self) -> bool:
        """Whether a set-up stopped before a call can reach the agent."""
        return self.set_up is not None and not self.set_up.is_finished

    def keeps_calls_away(self, *, has_ids: bool) -> bool:
        """Return whether no call can reach the agent before the set-up is finished.

        A line that worked goes on working while it is changed.

        Args:
            has_ids: whether the agent has an assistant or a number.
        """
        if not self.is_unfinished or self.set_up is None:
            return not has_ids
        is_new = self.check is None or self.check.problem is not None
        return not has_ids or ("agent" in self.set_up.done and is_new)

    @property
    def problem(self) -> str | None:
        """Why no call reaches the agent, as the last comparison found."""
        return self.check.problem if self.check else None


def checked_id(value: str) -> str:
    """Return an id of Vapi in lower case. Raises IdInvalid."""
    if not is_uuid(value):
        raise IdInvalid(value=value[:60] or "An empty text")
    return value.lower()


def is_uuid(value: str) -> bool:
    """Return whether a text is a UUID with its dashes, as Vapi writes ids."""
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False
