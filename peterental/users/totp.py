"""Codes of an authenticator app (TOTP, RFC 6238) and recovery codes; pure."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from datetime import datetime

import pyotp

STEP_S = 30
STEPS_TOLERATED = 1
"""Codes of the previous and the next step are accepted, for clocks that are off by up to half a minute."""

ISSUER = "PeteRental"

RECOVERY_CODES = 10
RECOVERY_CODE_BYTES = 15
GROUP_CHARS = 4

MAX_ENTRY_CHARS = 100

_DIGITS = re.compile(r"[0-9]{6}")
_RECOVERY_CODE = re.compile(r"[a-z2-7]{24}")
_SEPARATORS = re.compile(r"[\s-]")


def new_secret() -> str:
    """Return a random secret of 160 bits in base32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, email: str) -> str:
    """Return the `otpauth:` URI that an authenticator app reads from a QR code."""
    return str(pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER))


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the number of the 30-second step that a code belongs to; None if it is not valid now.

    All tolerated steps are computed and compared in constant time, whatever the code is.

    Args:
        secret: base32.
        code: as typed; spaces are ignored.
        now: the current time, aware.
    """
    entered = normalize_entry(code)
    if not _DIGITS.fullmatch(entered):
        entered = ""
    current = int(now.timestamp()) // STEP_S
    totp = pyotp.TOTP(secret)
    found = None
    for step in range(current - STEPS_TOLERATED, current + STEPS_TOLERATED + 1):
        if hmac.compare_digest(totp.generate_otp(step), entered):
            found = step
    return found


def new_recovery_codes() -> tuple[str, ...]:
    """Return fresh recovery codes in groups: `k3dw-…`, each of 120 random bits."""
    return tuple(
        _grouped(b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode().lower()) for _ in range(RECOVERY_CODES)
    )


def recovery_code_hash(code: str) -> bytes:
    """Return the hash under which a recovery code is stored; that of the empty text if it is none.

    A plain hash is enough for 120 random bits: they cannot all be tried. OWASP ASVS 5.0, 6.5.2, asks for 112.
    """
    entered = normalize_entry(code)
    return hashlib.sha256(entered.encode() if _RECOVERY_CODE.fullmatch(entered) else b"").digest()


def normalize_entry(code: str) -> str:
    """Return a typed code in lower case without spaces and hyphens."""
    return _SEPARATORS.sub("", code[:MAX_ENTRY_CHARS]).lower()


def _grouped(text: str) -> str:
    return "-".join(text[start : start + GROUP_CHARS] for start in range(0, len(text), GROUP_CHARS))
