"""Passkeys and security keys (WebAuthn). The library is imported when the first one is used: it is large."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

MAX_ANSWER = 16_384


class PasskeyRefused(Exception):
    """The browser's answer proves nothing."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where passkeys are valid: the host's name, and the origin that browsers send."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that a browser made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def site_of(url: str) -> Site | None:
    """The site of the console's public address; None where browsers make no passkeys: by number, or without https."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or _is_address(host) or (parts.scheme != "https" and host != "localhost"):
        return None
    return Site(host, f"{parts.scheme}://{parts.netloc.lower()}")


def registration(site: Site, name: str, challenge: bytes, known: Sequence[bytes]) -> str:
    """What the browser is asked to make a key with, as JSON."""
    import webauthn
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name="Order console",
        user_name=name,
        user_id=name.encode(),
        challenge=challenge,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return webauthn.options_to_json(options)


def request(site: Site, challenge: bytes, known: Sequence[bytes]) -> str:
    """What the browser is asked to sign, as JSON."""
    import webauthn
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return webauthn.options_to_json(options)


def challenge_of(answer: str) -> bytes:
    """The challenge that an answer claims to answer. Raises PasskeyRefused."""
    from webauthn import base64url_to_bytes

    try:
        client = base64url_to_bytes(json.loads(answer[:MAX_ANSWER])["response"]["clientDataJSON"])
        return base64url_to_bytes(json.loads(client)["challenge"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise PasskeyRefused from None


def credential_of(answer: str) -> bytes:
    """The id of the key that answered. Raises PasskeyRefused."""
    from webauthn import base64url_to_bytes

    try:
        return base64url_to_bytes(json.loads(answer[:MAX_ANSWER])["rawId"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise PasskeyRefused from None


def registered(site: Site, challenge: bytes, answer: str) -> NewKey:
    """The key that the browser made. Raises PasskeyRefused."""
    import webauthn

    try:
        made = webauthn.verify_registration_response(
            credential=answer[:MAX_ANSWER],
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
        )
    except Exception as error:  # hostile bytes break the parsers in ways that the library does not name
        raise PasskeyRefused from error
    return NewKey(made.credential_id, made.credential_public_key, made.sign_count)


def proved(site: Site, challenge: bytes, answer: str, key: NewKey) -> int:
    """The key's new count, when it signed the challenge. Raises PasskeyRefused."""
    import webauthn

    try:
        found = webauthn.verify_authentication_response(
            credential=answer[:MAX_ANSWER],
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
        )
    except Exception as error:  # as above
        raise PasskeyRefused from error
    return found.new_sign_count


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
