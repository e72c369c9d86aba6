"""Settings of sourcing: the versions of the profile, a form for a new one, a trial on past orders, the switch."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import digest, fitting, key_of, new_key
from api.pages.notices import acknowledged
from api.schemas.sourcing_profiles import KINDS, ActivateProfile, NewProfile
from api.services.sourcing import sourcing_profiles
from api.services.sourcing.sourcing_profiles import SET_BY, ProfileRequest
from domain.errors import RuleBroken
from domain.sourcing.profile import Profile, Suppliers

router = APIRouter(prefix="/console/settings/sourcing")
_HOME = "/console/settings/sourcing"
_LISTS = ("countries", "provinces", "channels", "categories", "customer_groups")
_RATES = ("parcel_minor", "kg_minor", "transit_from_days", "transit_to_days")


@router.get("")
async def listed(request: Request, member: CurrentStaff) -> Response:
    """Every version, and which one decides."""
    require(member.principal, *SET_BY)
    versions = await sourcing_profiles.every(services_of(request))
    return page(request, "sourcing.html", member=member, versions=versions)


@router.get("/new")
async def form(request: Request, member: CurrentStaff, version: int = 0) -> Response:
    """The form for a new version, filled with that one, else with the one in force."""
    require(member.principal, *SET_BY)
    services = services_of(request)
    known = (await sourcing_profiles.one(services, version)).profile if version else None
    shown = _fields(known or await sourcing_profiles.active(services))
    return _form(request, member, shown)


@router.post("/new")
async def save(request: Request, member: CurrentStaff) -> Response:
    """Keep it; what does not fit is shown at its field, and nothing typed is lost."""
    require(member.principal, *SET_BY)
    fields = await posted(request, member)
    try:
        wanted = fitting(NewProfile, _body(fields))
        asked = ProfileRequest(services_of(request), member.principal, key_of(fields), digest(wanted))
        reply = await sourcing_profiles.add(asked, wanted)
    except Problem as problem:
        return _form(request, member, fields, problem)
    return acknowledged(request, f"{_HOME}/{sourcing_profiles.version_of(reply)}", "done.sourcing_saved")


@router.get("/{version}")
async def shown(request: Request, member: CurrentStaff, version: int) -> Response:
    """A version, what it would change for past orders, and the form that switches it on."""
    require(member.principal, *SET_BY)
    return await _version(request, member, version)


@router.post("/{version}/activate")
async def activate(request: Request, member: CurrentStaff, version: int) -> Response:
    """It decides from now on."""
    require(member.principal, *SET_BY)
    fields = await posted(request, member)
    try:
        body = {"reason": fields.get("reason", "").strip(), "accept_excluded": "accept_excluded" in fields}
        wanted = fitting(ActivateProfile, body)
        asked = ProfileRequest(services_of(request), member.principal, key_of(fields), digest(wanted))
        await sourcing_profiles.activate(asked, version, wanted)
    except (Problem, RuleBroken) as error:
        if error.code == "profile_not_found":
            raise
        return await _version(request, member, version, fields, error.code)
    return acknowledged(request, _HOME, "done.sourcing_active")


async def _version(
    request: Request, member: StaffMember, version: int, fields: dict[str, str] | None = None, refused: str = ""
) -> Response:
    services = services_of(request)
    known, trial = await sourcing_profiles.one(services, version), await sourcing_profiles.tried(services, version)
    context: dict[str, Any] = {"known": known, "trial": trial, "fields": fields or {}, "refused": refused}
    return page(
        request, "sourcing_version.html", member=member, status=422 if refused else 200, key=new_key(), **context
    )


def _form(request: Request, member: StaffMember, fields: dict[str, str], problem: Problem | None = None) -> Response:
    slots = sum(1 for name in fields if name.startswith("s") and name.endswith("_name"))
    at = {_name_of(str(error["field"]), fields) for error in problem.errors} if problem else set()
    context: dict[str, Any] = {"fields": fields, "slots": slots, "kinds": KINDS, "at": at, "problem": problem}
    return page(
        request, "sourcing_form.html", member=member, status=422 if problem else 200,
        key=new_key(), **context,
    )  # fmt: skip


def _fields(profile: Profile) -> dict[str, str]:
    """The profile as the form has it, with an empty strategy in front."""
    fields = {"name": "", "reason": "", "s0_name": "", "s0_split_points": "1000", "s0_max_fulfilments": "4",
              "s0_suppliers": Suppliers.LAST.value}  # fmt: skip
    for slot, one in enumerate(profile.strategies, 1):
        fields |= {f"s{slot}_name": one.name, f"s{slot}_split_points": str(one.split_points)}
        fields |= {f"s{slot}_max_fulfilments": str(one.max_fulfilments), f"s{slot}_suppliers": one.suppliers.value}
        fields |= {f"s{slot}_{what}": ", ".join(getattr(one.condition, what)) for what in _LISTS}
        for each in one.criteria:
            fields[f"s{slot}_{each.kind.value}"] = str(each.weight)
            fields[f"s{slot}_{each.kind.value}_below"] = f"{each.exclude_below:g}" if each.exclude_below else ""
    for place, rate in enumerate(profile.rates):
        fields |= {f"r{place}_{what}": str(getattr(rate, what)) for what in _RATES}
    return fields


def _slots(fields: dict[str, str]) -> list[int]:
    """The strategies with a name, in order."""
    return [slot for slot in range(21) if fields.get(f"s{slot}_name", "").strip()]


def _body(fields: dict[str, str]) -> dict[str, Any]:
    """The form as the body of the HTTP call. Strategies without a name and criteria without a weight are left out."""
    return {
        "name": fields.get("name", "").strip(),
        "reason": fields.get("reason", "").strip(),
        "strategies": [_strategy(fields, f"s{slot}_") for slot in _slots(fields)],
        "rates": [{what: _number(fields.get(f"r{place}_{what}", "")) for what in _RATES} for place in range(4)],
    }


def _strategy(fields: dict[str, str], slot: str) -> dict[str, Any]:
    criteria = [
        {"kind": kind, "weight": _number(fields[slot + kind]),
         "exclude_below": _number(fields.get(f"{slot}{kind}_below", "") or "0")}
        for kind in KINDS if fields.get(slot + kind, "").strip()
    ]  # fmt: skip
    lists = {what: [part.strip() for part in fields.get(slot + what, "").replace("，", ",").split(",") if part.strip()]
             for what in _LISTS}  # fmt: skip
    return {
        "name": fields[f"{slot}name"].strip(), "condition": lists, "criteria": criteria,
        "split_points": _number(fields.get(f"{slot}split_points", "")),
        "max_fulfilments": _number(fields.get(f"{slot}max_fulfilments", "")),
        "suppliers": fields.get(f"{slot}suppliers", Suppliers.LAST.value),
    }  # fmt: skip


def _number(typed: str) -> int | float | str:
    """A number where it is one; else what was typed, which the model refuses."""
    for kind in (int, float):
        try:
            return kind(typed.strip())
        except ValueError:
            continue
    return typed


def _name_of(path: str, fields: dict[str, str]) -> str:
    """The form's field of a path of the body: strategies.0.criteria.1.weight is s3_region, for example."""
    parts = path.split(".")
    if parts[0] == "rates" and len(parts) == 3:
        return f"r{parts[1]}_{parts[2]}"
    if parts[0] != "strategies" or len(parts) < 3:
        return "s1_name" if parts[0] == "strategies" else parts[0]
    slot = f"s{_slots(fields)[int(parts[1])]}_"
    if parts[2] == "condition":
        return slot + (parts[3] if len(parts) > 3 else "countries")
    if parts[2] != "criteria":
        return slot + parts[2]
    if len(parts) < 5:
        return slot + KINDS[0]
    kinds = [kind for kind in KINDS if fields.get(slot + kind, "").strip()]
    return slot + kinds[int(parts[3])] + ("_below" if parts[4] == "exclude_below" else "")
