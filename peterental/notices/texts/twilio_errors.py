"""What Twilio's error codes mean, as clauses for people.

https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

OPTED_OUT = 21610

_TEXT = {
    21211: "the number does not exist",
    21214: "the number cannot be reached",
    21217: "the number does not exist",
    21408: "Twilio is not allowed to text this country: enable it under Messaging, Geo permissions",
    21421: "the number does not exist",
    21601: "the number cannot receive texts",
    21602: "the text is empty",
    OPTED_OUT: "the recipient has opted out at Twilio",
    21608: "a trial account texts verified numbers only",
    21612: "Twilio cannot reach this number from the sender",
    21614: "the number is not a mobile number",
    21617: "the text is longer than 1,600 characters",
    21635: "the number is a landline",
    30003: "the phone is off or out of reach",
    30004: "the recipient blocks texts from this sender",
    30005: "the number is unknown or no longer in service",
    30006: "the number is a landline, or its network takes no texts",
    30007: "the network filtered the text as unwanted",
    30008: "the network reported an unknown error",
    30024: "the sender is not provisioned on this network: register it for 10DLC",
    30034: "the sender is not registered for 10DLC",
    30410: "the network did not answer in time",
    30450: "the network blocked the text",
}
"""About one recipient or one text: the same attempt would end the same way, as with codes that are not known."""

_ACCOUNT = {
    20003: "Twilio does not accept TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
    20404: "Twilio does not know the account in TWILIO_ACCOUNT_SID",
    20429: "Twilio takes no more texts at the moment",
    21212: "TWILIO_FROM is not a valid sender",
    21603: "TWILIO_FROM is not a valid sender",
    21606: "the number in TWILIO_FROM does not belong to the account or cannot send texts",
    21609: "Twilio does not accept the address for delivery reports: check PUBLIC_URL",
    21611: "too many texts of this sender wait at Twilio",
    21659: "the number in TWILIO_FROM does not belong to the account",
    21660: "the number in TWILIO_FROM does not belong to the account",
    21703: "the messaging service in TWILIO_FROM has no sender",
    21705: "the messaging service in TWILIO_FROM is not valid",
    30001: "too many texts wait at Twilio",
    30002: "the account is suspended",
    63038: "the account has reached its daily limit of texts",
}
"""About the account: it may be different after an operator has acted."""


def is_about_account(code: int | None) -> bool:
    """Return whether a code is about the account or its sender, not about the recipient or the text."""
    return code in _ACCOUNT


def meaning_of(code: int | None, message: str = "") -> str:
    """Return what a code means, as a clause with the code in brackets.

    Args:
        code: Twilio's; None where it sent none.
        message: Twilio's own words, for a code that is not known here.
    """
    known = _TEXT.get(code or 0) or _ACCOUNT.get(code or 0)
    words = known or " ".join(message.split())[:200].rstrip(".") or "Twilio refused the text"
    return words if code is None else f"{words} (Twilio error {code})"
