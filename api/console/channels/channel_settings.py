"""Settings of channels: the name, colour, logo and contact of each shop."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.pages.uploads import form_with_files, uploaded
from api.schemas.channels import SetChannel
from api.services.channels import channel_settings
from domain.errors import RuleBroken

router = APIRouter(prefix="/console/settings/channels")

FIELDS = ("name", "colour", "dark_colour", "contact")
_OF_CODE = {"colour_contrast": "colour", "dark_colour_contrast": "dark_colour", "invalid_contact": "contact"}
_LOGO = ("picture_invalid", "picture_too_large", "picture_missing")


@router.get("")
async def listed(request: Request, member: CurrentStaff) -> Response:
    """Every channel with its look."""
    require(member.principal, *channel_settings.SET_BY)
    return page(request, "channels.html", member=member, channels=await channel_settings.every(services_of(request)))


@router.get("/{channel}")
async def form(request: Request, member: CurrentStaff, channel: str) -> Response:
    """The look of one channel, to be written over."""
    require(member.principal, *channel_settings.SET_BY)
    return await _form(request, member, channel)


@router.post("/{channel}")
async def save(request: Request, member: CurrentStaff, channel: str) -> Response:
    """Save it; an error is shown at its field, which keeps what was typed."""
    require(member.principal, *channel_settings.SET_BY)
    services, fields = services_of(request), await posted(request, member)
    known = await channel_settings.one(services, channel)
    try:
        wanted = fitting(SetChannel, _body(fields) | {"logo": known.logo})
        await channel_settings.put(services, member.principal, channel, wanted)
    except Problem as problem:
        named = {str(error["field"]): {"code": problem.code} for error in problem.errors}
        return await _form(request, member, channel, fields, named, problem.status_code)
    except RuleBroken as error:
        if error.code not in _OF_CODE:
            raise
        return await _form(
            request, member, channel, fields, {_OF_CODE[error.code]: {"code": error.code, **error.facts}}
        )
    return _saved(request, channel)


@router.post("/{channel}/logo")
async def upload(request: Request, member: CurrentStaff, channel: str) -> Response:
    """Store the picture and show it; without one, remove it."""
    require(member.principal, *channel_settings.SET_BY)
    services = services_of(request)
    try:
        fields = await form_with_files(posted(request, member))
        files = await uploaded(request, "logo")
        if not files and "remove" not in fields:
            raise RuleBroken("picture_missing")
        await channel_settings.put_logo(services, member.principal, channel, files[0] if files else None)
    except (Problem, RuleBroken) as error:
        if error.code not in _LOGO:
            raise
        status = error.status_code if isinstance(error, Problem) else 422
        return await _form(request, member, channel, None, {"logo": {"code": error.code}}, status)
    return _saved(request, channel)


def _body(fields: dict[str, str]) -> dict[str, Any]:
    """The form as the body of the HTTP call: an e-mail address may be typed as it is."""
    typed = {name: fields.get(name, "").strip() or None for name in FIELDS}
    contact = typed["contact"]
    if contact and "@" in contact and ":" not in contact:
        typed["contact"] = f"mailto:{contact}"
    return {name: value for name, value in typed.items() if value is not None}


async def _form(
    request: Request,
    member: StaffMember,
    channel: str,
    typed: dict[str, str] | None = None,
    errors: dict[str, dict[str, Any]] | None = None,
    status: int = 422,
) -> Response:
    known = await channel_settings.one(services_of(request), channel)
    shown = {name: getattr(known, name) or "" for name in FIELDS}
    shown["contact"] = shown["contact"].removeprefix("mailto:")
    context: dict[str, Any] = {"known": known, "fields": shown | (typed or {}), "errors": errors or {}}
    return page(request, "channel.html", member=member, status=status if errors else 200, **context)


def _saved(request: Request, channel: str) -> Response:
    return acknowledged(request, "/console/settings/channels", "done.channel_saved", channel=channel)
