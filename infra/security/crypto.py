"""Personal fields at rest: a data key per customer, wrapped by a master key from settings.

Every sealed form begins with a version byte, so that the algorithm can change while old rows stay readable. Six keys
are derived from one master key by HKDF (wrapping, blind index, search, pepper, answers, key id): one tells nothing of
another.
"""

import base64
import binascii
import hmac
import json
import os
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_ID_BYTES = 8
TERM_BYTES = 16
VERSION = b"\x01"
WRAPPED_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES

CHINA = "86"
CN_MOBILE_DIGITS = 11


class Unreadable(Exception):
    """The key is gone (erasure, a dropped master key) or the data was altered. Carries no data."""


class KeySettings(Protocol):
    """The part of Settings that the vault reads."""

    @property
    def master_key(self) -> SecretStr: ...
    @property
    def previous_master_keys(self) -> tuple[SecretStr, ...]: ...


class _MasterKey:
    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self.id = _derive(key, b"oms key id", KEY_ID_BYTES)
        self.wrapping = AESGCM(_derive(key, b"oms wrapping"))
        self.index = _derive(key, b"oms blind index")
        self.search = _derive(key, b"oms search")
        self.pepper = _derive(key, b"oms pepper")
        self.answers = AESGCM(_derive(key, b"oms answers"))


class Vault:
    """Wraps data keys, seals fields and computes blind indexes. Immutable, safe to share between tasks and threads."""

    def __init__(self, master: bytes, previous: Sequence[bytes] = ()) -> None:
        """Takes raw 32-byte keys; new data is wrapped by `master`, `previous` ones only read. Raises ValueError."""
        self._master = _MasterKey(master)
        self._keys = (self._master, *(_MasterKey(key) for key in previous))
        self._by_id = {key.id: key for key in reversed(self._keys)}

    @classmethod
    def from_settings(cls, settings: KeySettings) -> "Vault":
        """Reads `master_key` and `previous_master_keys`, base64 of 32 bytes each. Raises ValueError."""
        return cls(_decoded(settings.master_key), [_decoded(key) for key in settings.previous_master_keys])

    @property
    def key_ids(self) -> tuple[bytes, ...]:
        """The ids of the master key and of the previous ones, 8 bytes each; they tell nothing of the keys."""
        return tuple(key.id for key in self._keys)

    def new_data_key(self) -> tuple[bytes, bytes]:
        """A random 32-byte data key and its wrapped form (69 bytes, names the master key that wrapped it)."""
        plain = os.urandom(KEY_BYTES)
        return plain, self._wrap(plain)

    def unwrap(self, wrapped: bytes) -> bytes:
        """The 32-byte data key. Raises Unreadable."""
        if len(wrapped) != WRAPPED_BYTES or wrapped[:1] != VERSION:
            raise Unreadable("not a wrapped key")
        header, body = wrapped[: 1 + KEY_ID_BYTES], wrapped[1 + KEY_ID_BYTES :]
        key = self._by_id.get(header[1:])
        if key is None:
            raise Unreadable("encrypted with a master key that is missing")
        return _decrypt(key.wrapping, body, header)

    def seal(self, data_key: bytes, plaintext: bytes | str, context: str) -> bytes:
        """Encrypts with AES-256-GCM. `context` (say "order:address") must be named again to open it."""
        data = plaintext.encode() if isinstance(plaintext, str) else plaintext
        return VERSION + _encrypt(AESGCM(data_key), data, VERSION + context.encode())

    def open(self, data_key: bytes, sealed: bytes, context: str) -> bytes:
        """The plaintext. Raises Unreadable when the key, the context or a single bit differs."""
        if len(sealed) < 1 + NONCE_BYTES + TAG_BYTES or sealed[:1] != VERSION:
            raise Unreadable("not an encrypted field")
        return _decrypt(AESGCM(data_key), sealed[1:], VERSION + context.encode())

    def seal_json(self, data_key: bytes, value: Any, context: str) -> bytes:
        """Seals any JSON value. Raises TypeError on what JSON cannot hold."""
        return self.seal(data_key, json.dumps(value, ensure_ascii=False, separators=(",", ":")), context)

    def open_json(self, data_key: bytes, sealed: bytes, context: str) -> Any:
        """The value given to `seal_json`. Raises Unreadable."""
        return json.loads(self.open(data_key, sealed, context))

    def seal_answer(self, data: bytes, context: str) -> bytes:
        """Seals what belongs to no customer and is kept for days only, under the master key itself."""
        header = VERSION + self._master.id
        return header + _encrypt(self._master.answers, data, header + context.encode())

    def open_answer(self, sealed: bytes, context: str) -> bytes:
        """What was given to `seal_answer`. Raises Unreadable."""
        header, body = sealed[: 1 + KEY_ID_BYTES], sealed[1 + KEY_ID_BYTES :]
        key = self._by_id.get(header[1:])
        if key is None or header[:1] != VERSION:
            raise Unreadable("not an answer, or encrypted with a master key that is missing")
        return _decrypt(key.answers, body, header + context.encode())

    def blind_index(self, kind: Literal["email", "phone"], value: str) -> bytes:
        """32 bytes, equal for equal addresses or numbers, that tell nothing without the master key."""
        return _index(self._master, kind, value)

    def blind_indexes(self, kind: Literal["email", "phone"], value: str) -> list[bytes]:
        """The index under the current master key, then under the previous ones: for look-ups during a rotation."""
        return [_index(key, kind, value) for key in self._keys]

    def terms(self, words: Iterable[str]) -> list[bytes]:
        """What these words are found by: 16 bytes each under the current master key, sorted, each once."""
        return _terms(self._master, words)

    def terms_by_key(self, words: Iterable[str]) -> list[list[bytes]]:
        """The same under the current master key, then under each previous one: for look-ups during a rotation."""
        known = list(words)
        return [_terms(key, known) for key in self._keys]

    def peppered(self, value: str) -> bytes:
        """32 bytes to recognise a short secret. Without the key, the database cannot be searched for it."""
        return hmac.digest(self._master.pepper, value.encode(), "sha256")

    def _wrap(self, plain: bytes) -> bytes:
        header = VERSION + self._master.id
        return header + _encrypt(self._master.wrapping, plain, header)


def normalised_email(value: str) -> str:
    """Without surrounding space, case folded."""
    return value.strip().casefold()


def normalised_phone(value: str) -> str:
    """Digits with the country code and without a prefix: +86 138-0013-8000, 0086138…, 86138… and 138… agree.

    A number without country code is read as Chinese when it has the form of a Chinese mobile number; any other is kept
    as it is, since its country cannot be known.
    """
    text = unicodedata.normalize("NFKC", value)
    digits = "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())
    if digits.startswith("00"):
        return digits[2:]
    if "+" in text:
        return digits
    looks_chinese = len(digits) == CN_MOBILE_DIGITS and digits[0] == "1" and digits[1] in "3456789"
    return CHINA + digits if looks_chinese else digits


def _index(key: _MasterKey, kind: Literal["email", "phone"], value: str) -> bytes:
    normalised = normalised_email(value) if kind == "email" else normalised_phone(value)
    return hmac.digest(key.index, f"{kind}:{normalised}".encode(), "sha256")


def _terms(key: _MasterKey, words: Iterable[str]) -> list[bytes]:
    return sorted({hmac.digest(key.search, word.encode(), "sha256")[:TERM_BYTES] for word in words})


def _derive(key: bytes, purpose: bytes, length: int = KEY_BYTES) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(key)


def _decoded(secret: SecretStr) -> bytes:
    try:
        return base64.b64decode(secret.get_secret_value(), validate=True)
    except binascii.Error:
        # The cause is dropped: nothing of a key may reach a log.
        raise ValueError("a master key is the base64 of 32 bytes") from None


def _encrypt(cipher: AESGCM, data: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, data, bound)


def _decrypt(cipher: AESGCM, data: bytes, bound: bytes) -> bytes:
    try:
        return cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound)
    except InvalidTag:
        raise Unreadable("changed, or encrypted with another key or context") from None
