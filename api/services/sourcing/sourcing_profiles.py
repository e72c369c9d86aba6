"""Sourcing profiles: kept in versions, tried on past orders, activated."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

from api.dependencies import Services, actor
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.sourcing_profiles import ActivateProfile, NewProfile
from domain.access import Principal, Role
from domain.errors import NotFound
from domain.sourcing.comparison import Comparison, compared
from domain.sourcing.profile import (
    DEFAULT_PROFILE,
    Condition,
    ConditionFields,
    Criterion,
    CriterionKind,
    Profile,
    Rate,
    Strategy,
    Suppliers,
)
from infra.db.engine import Connection
from infra.db.read_models import past_orders
from infra.db.sourcing import profiles
from infra.db.sourcing.profiles import StoredProfile

SET_BY = (Role.OPERATIONS,)
MOST_TRIED = 500
# So many past orders are tried before a version is activated.
_TRIED = 200


class StrategyFields(TypedDict):
    """A strategy as a request names it."""

    name: str
    condition: ConditionFields
    criteria: list[Criterion]
    split_points: int
    max_fulfilments: int
    suppliers: Suppliers


class ProfileFields(TypedDict):
    """The strategies and rates as a request names them."""

    strategies: list[StrategyFields]
    rates: list[Rate]


class StoredProfileFields(ProfileFields):
    """A version as the API shows it."""

    version: int
    name: str
    reason: str
    active: bool
    created_by: str
    created_at: datetime
    activated_at: datetime | None
    activated_by: str | None


@dataclass(frozen=True, slots=True)
class ProfileRequest:
    """Who asks, under which idempotency key, with the digest of the body."""

    services: Services
    caller: Principal
    key: str
    digest: bytes


async def every(services: Services) -> list[StoredProfile]:
    """All versions, the newest first."""
    async with services.database.begin() as conn:
        return await profiles.every(conn)


async def one(services: Services, version: int) -> StoredProfile:
    """Raises NotFound `profile_not_found`."""
    async with services.database.begin() as conn:
        return await _known(conn, version)


async def active(services: Services) -> Profile:
    """The profile in force."""
    async with services.database.begin() as conn:
        return await profiles.active(conn)


async def add(asked: ProfileRequest, wanted: NewProfile) -> Reply:
    """Keep a version. Raises as `checked` does."""
    profile = checked(wanted)

    async def work(conn: Connection) -> StoredProfileFields:
        return shown(await profiles.add(conn, wanted.name, wanted.reason, profile, actor(asked.caller)))

    return await run_in_transaction(asked.services, request_of(asked.caller, asked.key, asked.digest), 201, work)


def checked(wanted: NewProfile) -> Profile:
    """The profile, if each order finds a strategy in it. Raises Problem `strategy_exists`, `duplicate_criterion`,
    `transit_backwards`, `fallback_strategy_missing`."""
    profile = wanted.profile()
    names = [one.name for one in profile.strategies]
    kinds = [[each.kind for each in one.criteria] for one in profile.strategies]
    last = profile.strategies[-1].condition
    if fields := [f"strategies.{at}.name" for at, name in enumerate(names) if name in names[:at]]:
        raise Problem("strategy_exists", errors=_at(fields))
    if fields := [f"strategies.{at}.criteria" for at, every_kind in enumerate(kinds) if _repeats(every_kind)]:
        raise Problem("duplicate_criterion", errors=_at(fields))
    backwards = [at for at, rate in enumerate(profile.rates) if rate.transit_to_days < rate.transit_from_days]
    if fields := [f"rates.{at}.transit_to_days" for at in backwards]:
        raise Problem("transit_backwards", errors=_at(fields))
    if last != Condition():
        raise Problem("fallback_strategy_missing", errors=_at([f"strategies.{len(names) - 1}.condition"]))
    return profile


def _repeats(kinds: list[CriterionKind]) -> bool:
    return len(set(kinds)) < len(kinds)


def _at(fields: list[str]) -> list[dict[str, str]]:
    return [{"field": field} for field in fields]


async def tried(services: Services, version: int, orders: int = _TRIED) -> Comparison:
    """What the version would change for the newest orders. Raises NotFound `profile_not_found`."""
    async with services.database.begin() as conn:
        then = (await _known(conn, version)).profile
        now = await profiles.active(conn)
        loads = now.judges_by_load or then.judges_by_load
        past = await past_orders.newest(conn, orders, datetime.now(UTC), with_loads=loads)
    # Outside of the transaction, and beside the other requests of this process.
    return await asyncio.to_thread(compared, past, now, then)


async def activate(asked: ProfileRequest, version: int, wanted: ActivateProfile) -> Reply:
    """The version decides from now on. Raises NotFound `profile_not_found`, Problem `profile_active`,
    `profile_excludes_orders` with how many past orders would find no warehouse."""
    found = await tried(asked.services, version)
    if found.excluded_orders and not wanted.accept_excluded:
        more = {"excluded": len(found.excluded_orders), "orders": found.orders}
        raise Problem("profile_excludes_orders", more={**more, "excluded_orders": list(found.excluded_examples)})

    async def work(conn: Connection) -> StoredProfileFields:
        if (await _known(conn, version)).active:
            raise Problem("profile_active")
        await profiles.activate(conn, version, wanted.reason, actor(asked.caller))
        return shown(await _known(conn, version))

    return await run_in_transaction(asked.services, request_of(asked.caller, asked.key, asked.digest), 200, work)


def version_of(reply: Reply) -> int:
    """The version that `add` made."""
    return int(reply.content["version"])


def shown(stored: StoredProfile) -> StoredProfileFields:
    """A version as the API shows it."""
    return {
        **profile_fields(stored.profile),
        "version": stored.version,
        "name": stored.name,
        "reason": stored.reason,
        "active": stored.active,
        "created_by": stored.created_by,
        "created_at": stored.created_at,
        "activated_at": stored.activated_at,
        "activated_by": stored.activated_by,
    }


def profile_fields(profile: Profile) -> ProfileFields:
    """The strategies and rates as a request names them."""
    return {"strategies": [_strategy(one) for one in profile.strategies], "rates": list(profile.rates)}


def _strategy(one: Strategy) -> StrategyFields:
    return {
        "name": one.name,
        "condition": one.condition.fields(),
        "criteria": list(one.criteria),
        "split_points": one.split_points,
        "max_fulfilments": one.max_fulfilments,
        "suppliers": one.suppliers,
    }


def default_fields() -> ProfileFields:
    """The default profile as a request names it."""
    return profile_fields(DEFAULT_PROFILE)


async def _known(conn: Connection, version: int) -> StoredProfile:
    found = await profiles.one(conn, version) if 0 < version < 2**31 else None
    if found is None:
        raise NotFound("profile_not_found")
    return found
