"""Settings of channels: the name, colour, logo and contact of each shop."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.forms import whole
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.pages.uploads import form_with_files, uploaded
from api.schemas.channels import SetChannel
from api.services.channels import channel_settings
from api.services.channels.channel_settings import ListedChannel
from domain.errors import RuleBroken

router = APIRouter(prefix="/console/settings/channels")

FIELDS = ("name", "colour", "dark_colour", "contact", "max_fulfilments")
_OF_CODE = {"colour_contrast": "colour", "dark_colour_contrast": "dark_colour", "invalid_contact": "contact"}
_LOGO = ("picture_invalid", "picture_too_large", "picture_missing", "channel_changed")


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
        kept = {"logo": known.logo, "messages_off": list(known.messages_off)}
        await channel_settings.put(
            services, member.principal, channel, fitting(SetChannel, _body(fields) | kept), _versions(fields)
        )
    except Problem as problem:
        named = {str(error["field"]): {"code": problem.code} for error in problem.errors}
        return await _form(request, member, channel, fields, named or {"": {"code": problem.code}}, problem.status_code)
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
        content = files[0] if files else None
        await channel_settings.put_logo(services, member.principal, channel, content, _versions(fields))
    except (Problem, RuleBroken) as error:
        if error.code not in _LOGO:
            raise
        status = error.status_code if isinstance(error, Problem) else 422
        return await _form(request, member, channel, None, {"logo": {"code": error.code}}, status)
    return _saved(request, channel)


@router.get("/{channel}/messages")
async def messages(request: Request, member: CurrentStaff, channel: str) -> Response:
    """Which messages the channel's customers are sent."""
    require(member.principal, *channel_settings.SET_BY)
    known = await channel_settings.one(services_of(request), channel)
    return _messages(request, member, known, known.messages_off)


@router.post("/{channel}/messages")
async def save_messages(request: Request, member: CurrentStaff, channel: str) -> Response:
    """Set it; where somebody else has changed the channel, the form keeps the choice."""
    require(member.principal, *channel_settings.SET_BY)
    services, fields = services_of(request), await posted(request, member)
    off = tuple(one for one in channel_settings.SWITCHED if f"on.{one}" not in fields)
    try:
        await channel_settings.put_messages(services, member.principal, channel, off, _versions(fields))
    except Problem as problem:
        if problem.code != "channel_changed":
            raise
        known = await channel_settings.one(services, channel)
        return _messages(request, member, known, off, problem)
    return _saved(request, channel)


def _messages(
    request: Request, member: StaffMember, known: ListedChannel, off: Sequence[str], problem: Problem | None = None
) -> Response:
    status = problem.status_code if problem else 200
    context: dict[str, Any] = {"known": known, "off": off, "templates": channel_settings.SWITCHED, "problem": problem}
    return page(request, "channel_messages.html", member=member, status=status, **context)


def _versions(fields: dict[str, str]) -> frozenset[str]:
    """The version that the form was filled with."""
    return frozenset({fields.get("version", "")})


def _body(fields: dict[str, str]) -> dict[str, Any]:
    """The form as the body of the HTTP call: an e-mail address may be typed as it is."""
    typed = {name: fields.get(name, "").strip() or None for name in FIELDS}
    contact = typed["contact"]
    if contact and "@" in contact and ":" not in contact:
        typed["contact"] = f"mailto:{contact}"
    body: dict[str, Any] = {name: value for name, value in typed.items() if value is not None}
    return body | ({"max_fulfilments": whole(most)} if (most := typed["max_fulfilments"]) else {})


async def _form(
    request: Request,
    member: StaffMember,
    channel: str,
    typed: dict[str, str] | None = None,
    errors: dict[str, dict[str, Any]] | None = None,
    status: int = 422,
) -> Response:
    known = await channel_settings.one(services_of(request), channel)
    shown = {name: str(getattr(known, name) or "") for name in FIELDS}
    shown["contact"] = shown["contact"].removeprefix("mailto:")
    fields = shown | (typed or {})
    changed = any(error["code"] == "channel_changed" for error in (errors or {}).values())
    theirs = {name: value for name, value in shown.items() if changed and value != fields[name]}
    context: dict[str, Any] = {"known": known, "fields": fields, "errors": errors or {}, "changed": changed}
    context |= {"theirs": theirs, "most": services_of(request).settings.max_fulfilments}
    return page(request, "channel.html", member=member, status=status if errors else 200, **context)


def _saved(request: Request, channel: str) -> Response:
    return acknowledged(request, "/console/settings/channels", "done.channel_saved", channel=channel)
