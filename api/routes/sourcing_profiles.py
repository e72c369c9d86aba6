"""Sourcing profiles: which warehouse ships what, as rules in versions."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.sourcing_profiles import ActivateProfile, DryRun, NewProfile, SourcingProfile, SourcingProfiles
from api.services.sourcing import sourcing_profiles
from api.services.sourcing.sourcing_profiles import MOST_TRIED, SET_BY, ProfileRequest

router = APIRouter(prefix="/v1/sourcing/profiles", tags=["sourcing"])

Tried = Annotated[int, Query(ge=1, le=MOST_TRIED, description="How many orders, the newest first.")]


@router.get("", **operation("list_sourcing_profiles", Answer(200, SourcingProfiles)))
async def list_profiles(request: Request, caller: Caller) -> Response:
    """Every version, the newest first; for the staff. While none was activated, the default profile decides."""
    require_staff(caller)
    items = [sourcing_profiles.shown(one) for one in await sourcing_profiles.every(services_of(request))]
    return json_response({"items": items, "next_cursor": None})


@router.post("", **operation("add_sourcing_profile", Answer(201, SourcingProfile), body=NewProfile))
async def add_profile(request: Request, caller: Caller) -> Response:
    """Keep a new version. It decides nothing until it is activated; an edit is a new version."""
    require(caller, *SET_BY)
    key = idempotency_key(request)
    parsed = await read(request, NewProfile)
    asked = ProfileRequest(services_of(request), caller, key, parsed.digest)
    return response_of(await sourcing_profiles.add(asked, parsed.model))


@router.get("/{version}", **operation("get_sourcing_profile", Answer(200, SourcingProfile)))
async def get_profile(version: int, request: Request, caller: Caller) -> Response:
    """A version; for the staff."""
    require_staff(caller)
    return json_response(sourcing_profiles.shown(await sourcing_profiles.one(services_of(request), version)))


@router.get("/{version}/dry-run", **operation("try_sourcing_profile", Answer(200, DryRun)))
async def try_profile(version: int, request: Request, caller: Caller, orders: Tried = 200) -> Response:
    """What the version would change for the newest orders, beside the profile in force: with the stock of today and the
    orders' own units. Nothing is changed."""
    require(caller, *SET_BY)
    found = await sourcing_profiles.tried(services_of(request), version, orders)
    return json_response(
        {
            "orders": found.orders, "moved": len(found.moved_orders), "split_before": found.split_before,
            "split_after": found.split_after, "freight_before_minor": found.freight_before_minor,
            "freight_after_minor": found.freight_after_minor, "excluded": len(found.excluded_orders),
            "examples": [asdict(one) for one in found.examples], "excluded_orders": found.excluded_examples,
        }
    )  # fmt: skip


@router.post(
    "/{version}/activate", **operation("activate_sourcing_profile", Answer(200, SourcingProfile), body=ActivateProfile)
)
async def activate_profile(version: int, request: Request, caller: Caller) -> Response:
    """The version decides from now on. 409 `profile_excludes_orders` names the past orders that would find no
    warehouse; `accept_excluded` activates it all the same."""
    require(caller, *SET_BY)
    key = idempotency_key(request)
    parsed = await read(request, ActivateProfile)
    asked = ProfileRequest(services_of(request), caller, key, parsed.digest)
    return response_of(await sourcing_profiles.activate(asked, version, parsed.model))
