"""The words that a contact is found by, and what a search text may mean: e-mail, telephone, names.

Both sides fold alike: width (NFKC), case, accents. What comes out is plain text; `Vault.terms` makes blind terms of it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from functools import lru_cache
from itertools import pairwise

import phonenumbers

from infra.email.mail_address import mail_address
from infra.security.crypto import normalised_email, normalised_phone

MAX_WORDS = 48
MIN_PHONE_DIGITS = 5
_CACHED = 4096

# Written without spaces between words: Han, kana, Hangul.
_DENSE = (
    "\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_DENSE_GAP = re.compile(rf"(?<=[{_DENSE}])\s+(?=[{_DENSE}])")
_RUNS = re.compile(rf"[{_DENSE}]+|[^\W_{_DENSE}]+")
_IS_DENSE = re.compile(rf"[{_DENSE}]")
_ACCENTS = re.compile("[\u0300-\u036f]")
_PHONE = re.compile(r"(?:tel:)?[\d\s().+/\-\u2010-\u2015\u2212]+(?:(?:ext\.?|x|#)\s*\d{1,6})?", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:ext\.?|x|#)\s*\d+$", re.IGNORECASE)


def folded(text: str) -> str:
    """Without differences of width, case and accents."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFKC", plain).casefold()


def words_of(people: Iterable[Mapping[str, str | None]], country: str) -> list[str]:
    """Everything by which these {name, email, phone} are found; a telephone number without a country code is read as
    one of `country`. At most MAX_WORDS."""
    found: dict[str, None] = {}
    for contact in people:
        if email := contact.get("email"):
            found[f"email:{normalised_email(email)}"] = None
        if phone := contact.get("phone"):
            found.update(dict.fromkeys(_phone_words(phone, country)))
        if name := contact.get("name"):
            found.update(dict.fromkeys(f"name:{word}" for word in _name_words(name)))
    return list(found)[:MAX_WORDS]


def email_sought(q: str) -> str | None:
    """The word of the e-mail address that `q` is, alone or as in `Ann <ann@example.com>`; None if it is none."""
    address = address_in(q)
    return f"email:{normalised_email(address)}" if "@" in address else None


def address_in(q: str) -> str:
    """The address in `Ann <ann@example.com>` or `mailto:ann@example.com`, in the form in which orders keep it (a
    domain `xn--…` by its letters); `q` itself where it names none so."""
    plain = unicodedata.normalize("NFKC", q).strip().removeprefix("mailto:")
    found = parseaddr(plain)[1] or plain
    try:
        return mail_address(found)
    except ValueError:
        return found


def phone_sought(q: str) -> list[str]:
    """The words of which one belongs to the telephone number that `q` is; none if it is no number.

    With + or 00 it is one number. Without, it may be a national number of any country, with or without the 0 (or 8)
    that some countries dial first, or a whole number whose + was left out.
    """
    text = unicodedata.normalize("NFKC", q).strip()
    digits = normalised_phone(_EXTENSION.sub("", text))
    if _PHONE.fullmatch(text) is None or len(digits) < MIN_PHONE_DIGITS:
        return []
    plain = "".join(str(unicodedata.digit(c)) for c in _EXTENSION.sub("", text) if c.isdigit())
    if text.removeprefix("tel:").lstrip(" (").startswith(("+", "00")):
        return [_whole(_parsed("+" + plain.removeprefix("00"), None)) or f"phone:{digits}"]
    national = {plain, plain.removeprefix("0"), plain.removeprefix("8"), plain.removeprefix("1")}
    whole = {plain, digits, plain.removeprefix("011")}
    return [*(f"phone:{one}" for one in sorted(whole)), *(f"national:{one}" for one in sorted(national))]


def name_sought(q: str) -> list[str]:
    """The words that all belong to the name that `q` is, or is a part of; none if it holds no letter."""
    if "@" in q or not any(c.isalpha() for c in q):
        return []
    return [f"name:{word}" for run in _runs(q) for word in (_pairs(run) if _IS_DENSE.match(run) else [run])]


def _name_words(name: str) -> list[str]:
    """Latin words whole; of a run of Han, kana or Hangul each pair of neighbours and its first symbol, the surname."""
    found: list[str] = []
    for run in _runs(name):
        found += [run[0], *_pairs(run)] if _IS_DENSE.match(run) else [run]
    return found


def _runs(text: str) -> list[str]:
    return _RUNS.findall(_DENSE_GAP.sub("", re.sub("['\u2019\u02bc]", "", folded(text))))


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [a + b for a, b in pairwise(run)]


@lru_cache(maxsize=_CACHED)
def _phone_words(phone: str, country: str) -> tuple[str, ...]:
    number = _parsed(phone, country)
    if (whole := _whole(number)) is None or number is None:
        digits = normalised_phone(phone)
        return (f"phone:{digits}", f"national:{digits}") if digits else ()
    return whole, f"national:{phonenumbers.national_significant_number(number)}"


def _whole(number: phonenumbers.PhoneNumber | None) -> str | None:
    if number is None:
        return None
    return f"phone:{number.country_code}{phonenumbers.national_significant_number(number)}"


def _parsed(phone: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    """None for what is no number of a possible length."""
    try:
        text = unicodedata.normalize("NFKC", phone).strip()
        number = phonenumbers.parse("+" + text[2:] if text.startswith("00") else text, country)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None
