"""E-mail addresses: one address, so that none carries a second one, a display name or a header."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

MAX_CHARS = 254
# A name in quotation marks, or without a sign that would end it.
_SENDER = re.compile(r'(?:(?:"[^"\\]*"|[^"\\<>@,;:]*) )?<([^<>]+)>|([^<>]+)')


@lru_cache(maxsize=4096)  # customers come again, and looking takes a tenth of the time that placing an order does
def mail_address(typed: str) -> str:
    """The address in its normal form (the domain in small letters). No name server is asked. Raises ValueError."""
    try:
        found = validate_email(
            typed, check_deliverability=False, globally_deliverable=False, allow_display_name=False
        ).normalized
    except EmailNotValidError:
        found = ""
    if "." not in found.rpartition("@")[2] or len(found) > MAX_CHARS:
        raise ValueError("must be one e-mail address, like name@example.com")
    return found


def require_sender(typed: str) -> str:
    """`typed` if it is a sender: an address, or a name before one in angle brackets. Raises ValueError."""
    parts = _SENDER.fullmatch(typed)
    if parts is None or not typed.isprintable():
        raise ValueError("must be one e-mail address, like shop@example.com or Shop <shop@example.com>")
    mail_address(parts[1] or parts[2])
    return typed
