"""My account: password, second factors, recovery codes and sessions of whoever is signed in."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.rendering import page
from api.console.session import COOKIE, CurrentStaff, StaffMember, posted
from api.console.staff.enrolment import address_of, passkey_site, qr_code
from api.dependencies import services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.schemas.staff import PasskeyLabel
from api.services.staff import own_account, passkeys
from api.services.staff.proof import Errors

router = APIRouter(prefix="/console/account")

_HOME = "/console/account"


@router.get("")
async def account(request: Request, member: CurrentStaff) -> Response:
    """The own account."""
    return await _page(request, member)


@router.post("/password")
async def change_password(request: Request, member: CurrentStaff) -> Response:
    """Another password; every other session ends."""
    fields = await posted(request, member)
    new = fields.get("password", ""), fields.get("again", "")
    old, services = fields.get("old", ""), services_of(request)
    cookie, address = request.cookies[COOKIE], address_of(request)
    errors = await own_account.change_password(services, member.principal, cookie, old, new, address)
    if errors:
        return await _page(request, member, "password", errors)
    return acknowledged(request, _HOME, "done.password_changed")


@router.post("/authenticator")
async def set_totp(request: Request, member: CurrentStaff) -> Response:
    """Another authenticator app; the recovery codes are shown this once."""
    fields = await posted(request, member)
    sealed, code, old = (fields.get(name, "") for name in ("sealed", "code", "old"))
    services, cookie, address = services_of(request), request.cookies[COOKIE], address_of(request)
    found = await own_account.set_totp(services, member.principal, cookie, (sealed, code, old), address)
    if isinstance(found, dict):
        return await _page(request, member, "totp", found, sealed=sealed)
    return await _page(request, member, codes=found)


@router.post("/authenticator/remove")
async def remove_totp(request: Request, member: CurrentStaff) -> Response:
    """Use no authenticator app any more, where a passkey remains."""
    fields = await posted(request, member)
    services = services_of(request)
    errors = await own_account.remove_totp(services, member.principal, fields.get("old", ""), address_of(request))
    if errors:
        return await _page(request, member, "totp_remove", errors)
    return acknowledged(request, _HOME, "done.totp_removed")


@router.post("/recovery-codes")
async def recovery_codes(request: Request, member: CurrentStaff) -> Response:
    """Other recovery codes, shown this once."""
    fields = await posted(request, member)
    services, old = services_of(request), fields.get("old", "")
    found = await own_account.new_recovery_codes(services, member.principal, old, address_of(request))
    if isinstance(found, dict):
        return await _page(request, member, "codes", found)
    return await _page(request, member, codes=found)


@router.post("/passkeys")
async def begin_passkey(request: Request, member: CurrentStaff) -> Response:
    """The page on which the browser makes a passkey."""
    fields, site = await posted(request, member), passkey_site(request)
    label = fields.get("label", "").strip()
    if site is None:
        return await _page(request, member, "passkey", {"label": "account.no_passkeys_here"}, label=label)
    if not _label(label):
        return await _page(request, member, "passkey", {"label": "account.label_rule"}, label=label)
    services, old = services_of(request), fields.get("old", "")
    found = await passkeys.begin(services, member.principal, site, old, address_of(request))
    if isinstance(found, dict):
        return await _page(request, member, "passkey", found, label=label)
    return page(request, "own_passkey.html", member=member, options=found, label=label)


@router.post("/passkeys/finish")
async def finish_passkey(request: Request, member: CurrentStaff) -> Response:
    """Keep the passkey that the browser made."""
    fields, site = await posted(request, member), passkey_site(request)
    label, answer, services = _label(fields.get("label", "").strip()), fields.get("answer", ""), services_of(request)
    if site is None or label is None or not await passkeys.finish(services, member.principal, site, label, answer):
        return await _page(request, member, "passkey", {"label": "account.passkey_failed"})
    return acknowledged(request, _HOME, "done.passkey_added", label=label.label)


@router.post("/passkeys/{passkey_id}/remove")
async def remove_passkey(request: Request, member: CurrentStaff, passkey_id: str) -> Response:
    """Delete a passkey, where another second factor remains."""
    fields = await posted(request, member)
    services, old = services_of(request), fields.get("old", "")
    errors = await own_account.remove_passkey(services, member.principal, passkey_id, old, address_of(request))
    if errors:
        return await _page(request, member, f"remove_{passkey_id}", errors)
    return acknowledged(request, _HOME, "done.passkey_removed")


@router.post("/end-sessions")
async def end_sessions(request: Request, member: CurrentStaff) -> Response:
    """End every session but this one."""
    await posted(request, member)
    ended = await own_account.sign_out_others(services_of(request), member.principal, request.cookies[COOKIE])
    return acknowledged(request, _HOME, "done.own_sessions_ended", n=str(ended))


def _label(typed: str) -> PasskeyLabel | None:
    try:
        return fitting(PasskeyLabel, {"label": typed})
    except Problem:
        return None


async def _page(
    request: Request,
    member: StaffMember,
    section: str = "",
    errors: Errors | None = None,
    *,
    sealed: str = "",
    label: str = "",
    codes: list[str] | None = None,
) -> Response:
    services = services_of(request)
    found = await own_account.view(services, member.principal, request.cookies[COOKIE], sealed)
    wait = (errors or {}).get("wait_s")
    context: dict[str, Any] = {
        "account": found,
        "qr": qr_code(found.enrolment.address),
        "section": section,
        "errors": errors or {},
        "wait_s": wait or 0,
        "label": label,
        "codes": codes,
        "passkeys_here": passkey_site(request) is not None,
    }
    response = page(
        request, "own_account.html", status=429 if wait else 422 if errors else 200, member=member, **context
    )
    if wait:
        response.headers["Retry-After"] = wait
    return response
