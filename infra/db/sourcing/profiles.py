"""Sourcing profiles: every version, and which one is in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.json_types import JsonFields
from domain.sourcing.profile import (
    DEFAULT_PROFILE,
    Criterion,
    CriterionKind,
    Profile,
    Rate,
    Strategy,
    Suppliers,
    condition_of,
)
from infra.db.driver_types import DriverRow

_FIELDS = """
    p.version, p.name, p.reason, p.created_by, p.created_at, a.activated_at, a.activated_by,
    p.version = (SELECT n.version FROM sourcing_activations n ORDER BY n.activation_id DESC LIMIT 1) AS active,
    (SELECT json_agg(json_build_object(
              'name', s.name, 'countries', s.countries, 'provinces', s.provinces, 'channels', s.channels,
              'categories', s.categories, 'customer_groups', s.customer_groups,
              'split_points', s.split_points, 'max_fulfilments', s.max_fulfilments,
              'suppliers', s.suppliers, 'criteria',
              (SELECT json_agg(json_build_object('kind', c.kind, 'weight', c.weight, 'exclude_below', c.exclude_below)
                               ORDER BY c.position)
                 FROM sourcing_criteria c WHERE (c.version, c.strategy) = (s.version, s.position))) ORDER BY s.position)
       FROM sourcing_strategies s WHERE s.version = p.version) AS strategies,
    (SELECT json_agg(json_build_object('parcel_minor', r.parcel_minor, 'kg_minor', r.kg_minor,
              'transit_from_days', r.transit_from_days, 'transit_to_days', r.transit_to_days)
            ORDER BY r.distance_class)
       FROM sourcing_rates r WHERE r.version = p.version) AS rates
"""
_LAST_TIME = """
    LEFT JOIN LATERAL (SELECT t.activated_at, t.activated_by FROM sourcing_activations t WHERE t.version = p.version
                        ORDER BY t.activation_id DESC LIMIT 1) a ON true
"""
_FROM = f"SELECT {_FIELDS} FROM sourcing_profiles p {_LAST_TIME}"  # noqa: S608
_ONE = text(f"{_FROM} WHERE p.version = :version")
_ALL = text(f"{_FROM} ORDER BY p.version DESC LIMIT :limit")
_NEWEST = "(SELECT n.version FROM sourcing_activations n ORDER BY n.activation_id DESC LIMIT 1)"
_ACTIVE = text(f"{_FROM} WHERE p.version = {_NEWEST}")
_ADD = text(
    "INSERT INTO sourcing_profiles (name, reason, created_by) VALUES (:name, :reason, :created_by) RETURNING version"
)
_STRATEGY = text(
    """INSERT INTO sourcing_strategies
         (version, position, name, countries, provinces, channels, categories, customer_groups, split_points,
          max_fulfilments, suppliers)
       VALUES (:version, :position, :name, :countries, :provinces, :channels, :categories, :customer_groups,
               :split_points, :max_fulfilments, :suppliers)"""
)
_CRITERION = text(
    """INSERT INTO sourcing_criteria (version, strategy, position, kind, weight, exclude_below)
       VALUES (:version, :strategy, :position, :kind, :weight, :exclude_below)"""
)
_RATE = text(
    """INSERT INTO sourcing_rates
         (version, distance_class, parcel_minor, kg_minor, transit_from_days, transit_to_days)
       VALUES (:version, :distance_class, :parcel_minor, :kg_minor, :transit_from_days, :transit_to_days)"""
)
_ACTIVATE = text(
    "INSERT INTO sourcing_activations (version, reason, activated_by) VALUES (:version, :reason, :activated_by)"
)
MAX_LISTED = 200


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A version of the profile: who wrote it and why, and whether it is in force."""

    name: str
    reason: str
    created_by: str
    created_at: datetime
    active: bool
    activated_at: datetime | None
    activated_by: str | None
    profile: Profile

    @property
    def version(self) -> int:
        """Its number."""
        return self.profile.version


async def active(conn: AsyncConnection) -> Profile:
    """The profile in force: the default one where none was ever activated."""
    row = (await conn.execute(_ACTIVE)).one_or_none()
    return _stored(row).profile if row else DEFAULT_PROFILE


async def one(conn: AsyncConnection, version: int) -> StoredProfile | None:
    """That version."""
    row = (await conn.execute(_ONE, {"version": version})).one_or_none()
    return _stored(row) if row else None


async def every(conn: AsyncConnection) -> list[StoredProfile]:
    """All versions, the newest first; at most MAX_LISTED."""
    return [_stored(row) for row in await conn.execute(_ALL, {"limit": MAX_LISTED})]


async def add(conn: AsyncConnection, name: str, reason: str, profile: Profile, actor: str) -> StoredProfile:
    """Keep a new version; it is not in force."""
    named = {"name": name, "reason": reason, "created_by": actor}
    version: int = (await conn.execute(_ADD, named)).scalar_one()
    await conn.execute(_STRATEGY, _strategy_rows(version, profile.strategies))
    criteria = [
        {"version": version, "strategy": at, "position": place, "kind": one.kind.value, "weight": one.weight,
         "exclude_below": one.exclude_below}
        for at, strategy in enumerate(profile.strategies, 1)
        for place, one in enumerate(strategy.criteria, 1)
    ]  # fmt: skip
    await conn.execute(_CRITERION, criteria)
    await conn.execute(_RATE, _rate_rows(version, profile.rates))
    return _stored((await conn.execute(_ONE, {"version": version})).one())


async def activate(conn: AsyncConnection, version: int, reason: str, actor: str) -> None:
    """From the next decision on, this version decides."""
    await conn.execute(_ACTIVATE, {"version": version, "reason": reason, "activated_by": actor})


def _strategy_rows(version: int, strategies: Sequence[Strategy]) -> list[JsonFields]:
    return [
        {
            "version": version, "position": at, "name": one.name, **one.condition.fields(),
            "split_points": one.split_points, "max_fulfilments": one.max_fulfilments, "suppliers": one.suppliers.value,
        }
        for at, one in enumerate(strategies, 1)
    ]  # fmt: skip


def _rate_rows(version: int, rates: Sequence[Rate]) -> list[JsonFields]:
    return [
        {
            "version": version, "distance_class": at, "parcel_minor": one.parcel_minor, "kg_minor": one.kg_minor,
            "transit_from_days": one.transit_from_days, "transit_to_days": one.transit_to_days,
        }
        for at, one in enumerate(rates)
    ]  # fmt: skip


def _stored(row: DriverRow) -> StoredProfile:
    first, second, third, fourth = (Rate(**rate) for rate in row.rates)
    strategies = tuple(_strategy(**strategy) for strategy in row.strategies)
    return StoredProfile(
        row.name, row.reason, row.created_by, row.created_at, bool(row.active), row.activated_at, row.activated_by,
        Profile(strategies, (first, second, third, fourth), row.version),
    )  # fmt: skip


def _strategy(
    name: str, criteria: list[JsonFields], split_points: int, max_fulfilments: int, suppliers: str,
    **condition: list[str],
) -> Strategy:  # fmt: skip
    judged = tuple(_criterion(**one) for one in criteria)
    return Strategy(name, judged, condition_of(condition), split_points, max_fulfilments, Suppliers(suppliers))


def _criterion(kind: str, weight: int, exclude_below: float) -> Criterion:
    return Criterion(CriterionKind(kind), weight, float(exclude_below))
