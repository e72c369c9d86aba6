"""Forms as the bodies of the HTTP calls that do the same, each with proof that it is one of ours."""

import hashlib
import hmac
import json
import secrets
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.dependencies import services_of
from api.errors import Problem
from api.http.guard import public_https
from api.http.request_body import refused

Model = TypeVar("Model", bound=BaseModel)
_PROOF_CHARS = 32
_KEY_CHARS = 32
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class FormFields(dict[str, str]):
    """The fields of a form that was sent, and the address that it was sent to."""

    sent_to: str = ""


def fitting(model: type[Model], value: dict[str, Any]) -> Model:
    """The form as the HTTP call's body. Raises the Problem that the call would raise."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refused(error.errors(include_url=False, include_input=False)) from None


def digest(body: BaseModel) -> bytes:
    """What a repeat of the form must be equal to."""
    return hashlib.sha256(body.model_dump_json().encode()).digest()


def key_of(fields: dict[str, str]) -> str:
    """The form's idempotency key: that of its page with what was typed. A form that is sent twice acts once; one that
    was changed meanwhile, or another form of the same page, is another request."""
    typed = sorted((name, value) for name, value in fields.items() if name != "key")
    said = json.dumps([fields.get("key") or new_key(), getattr(fields, "sent_to", ""), typed])
    return hashlib.sha256(said.encode()).hexdigest()


def page_key(request: Request) -> str:
    """The key of the page whose form was sent with this request; empty where none was. A refused form comes back with
    it, so that sending it again unchanged is the same request."""
    return str(getattr(request.state, "page_key", ""))


def new_key() -> str:
    """A key for a page's forms."""
    return secrets.token_hex(16)


def csrf_of(cookie: str) -> str:
    """What a form of this session proves itself with: another site can neither read nor guess it."""
    return hashlib.sha256(f"form\n{cookie}".encode()).hexdigest()[:_PROOF_CHARS]


def masked(proof: str) -> str:
    """The proof as a page carries it, different in each: pages are compressed, and what stays the same in an answer can
    be guessed from its length."""
    mask = secrets.token_bytes(len(proof) // 2)
    hidden = bytes(a ^ b for a, b in zip(mask, bytes.fromhex(proof), strict=True))
    return (mask + hidden).hex()


def _unmasked(typed: str) -> str:
    try:
        both = bytes.fromhex(typed) if len(typed) == 2 * _PROOF_CHARS else b""
    except ValueError:
        return typed
    half = len(both) // 2
    return bytes(a ^ b for a, b in zip(both[:half], both[half:], strict=True)).hex() if both else typed


async def require_own_origin(request: Request) -> None:
    """A dependency of every page: a form comes from a page of ours, or from a program that is no browser.

    Browsers name the sender's origin with each POST, a page without one (null) included. Raises Problem
    `form_expired`: nobody is signed in to another's account by a page elsewhere.
    """
    if request.method in _SAFE:
        return
    sender = request.headers.get("origin")
    elsewhere = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    if elsewhere or (sender is not None and sender.partition("://")[2] not in _hosts(request)):
        raise Problem("form_expired", "this form was not sent from a page of ours; load the page again")


def _hosts(request: Request) -> set[str]:
    """The hosts (with their ports) under which people know us. A proxy may speak to us under a name of its own."""
    configured = services_of(request).settings
    urls = (configured.console_url, configured.portal_url)
    public = {urlsplit(url).netloc for url in urls if url}
    return public | {request.headers.get("host", "")} - {""}


def secure(request: Request, home: str) -> bool:
    """True when cookies of the pages under `home` are for https alone: the address that people use for them is https,
    whatever a proxy speaks to us."""
    configured = services_of(request).settings
    public = configured.console_url if home == "/console" else configured.portal_url
    return request.url.scheme == "https" or public_https(public)


async def posted(request: Request, csrf: str) -> dict[str, str]:
    """The fields of a form of ours, the last of each name. Raises Problem `form_expired`."""
    fields = FormFields({name: value for name, value in (await request.form()).items() if isinstance(value, str)})
    fields.sent_to = request.url.path
    if not hmac.compare_digest(_unmasked(fields.pop("csrf", "")).encode(), _unmasked(csrf).encode()):
        raise Problem("form_expired", "this page is older than your session; load it again")
    # A form may add a mark of its own to the key of its page.
    request.state.page_key = fields.get("key", "")[:_KEY_CHARS]
    return fields
