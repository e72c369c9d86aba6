"""The figures of Home, read at most once in some seconds by each process, however many people look at them."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic
from zoneinfo import ZoneInfo

from infra.db.engine import Connection, Database
from infra.db.read_models import business, dashboard
from infra.db.read_models.business import Day, Refunded, RefundQueue, ShippingTime, Slot, SoldOut, Window
from infra.db.support import parked_groups
from infra.db.support.parked_groups import ParkedGroup

KEPT_S, PERIOD_KEPT_S = 20.0, 60.0
HOUR_S = 3600.0
WEEK = timedelta(days=7)
TODAY, LAST_WEEK = 0, 1


@dataclass(frozen=True, slots=True)
class Figures:
    """What was read at `as_of`: `slots` are hours of today (TODAY) and of the same day last week (LAST_WEEK)."""

    as_of: datetime
    today: datetime
    slots: list[Slot]
    statuses: dict[str, int]
    shipping: ShippingTime | None
    attention: list[ParkedGroup]
    sold_out: list[SoldOut]
    refunds: list[Refunded]
    refund_queue: RefundQueue


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """The days up to today, and as many before them; `refunds` and `shipping` are of the period alone."""

    as_of: datetime
    first: date
    days: list[Day]
    refunds: list[Refunded]
    shipping: ShippingTime | None


class HomeFigures:
    """Kept for KEPT_S; who asks meanwhile waits for the one reading."""

    def __init__(self, database: Database, time_zone: str) -> None:
        self._database, self._zone = database, ZoneInfo(time_zone)
        self._lock, self._until = asyncio.Lock(), 0.0
        self._kept: Figures | None = None
        self._periods: dict[int, tuple[PeriodFigures, float]] = {}

    async def read(self) -> Figures:
        """The figures, at most KEPT_S old."""
        async with self._lock:
            if self._kept is None or monotonic() >= self._until:
                async with self._database.begin() as conn:
                    self._kept = await self._look(conn, datetime.now(UTC))
                self._until = monotonic() + KEPT_S
            return self._kept

    def forget(self) -> None:
        """Read anew at the next request."""
        self._until = 0.0
        self._periods.clear()

    async def period(self, days: int) -> PeriodFigures:
        """The figures of the last `days` days, at most PERIOD_KEPT_S old."""
        async with self._lock:
            kept, until = self._periods.get(days, (None, 0.0))
            if kept is None or monotonic() >= until:
                async with self._database.begin() as conn:
                    kept = await self._look_back(conn, datetime.now(UTC), days)
                self._periods[days] = kept, monotonic() + PERIOD_KEPT_S
            return kept

    async def _look_back(self, conn: Connection, now: datetime, days: int) -> PeriodFigures:
        """Dates are subtracted, not hours: a day is what the calendar says."""
        first = now.astimezone(self._zone).date() - timedelta(days=days - 1)
        begins = datetime.combine(first, time(), self._zone)
        before = datetime.combine(first - timedelta(days=days), time(), self._zone)
        return PeriodFigures(
            as_of=now,
            first=first,
            days=await business.days(conn, before, now, self._zone.key),
            refunds=await business.refunds_since(conn, begins),
            shipping=await business.shipping_time(conn, begins),
        )

    async def _look(self, conn: Connection, now: datetime) -> Figures:
        begins = midnight(now, self._zone)
        week, span = midnight(begins - WEEK + timedelta(hours=12), self._zone), now - begins
        # Wall-clock days: the day of last week ends where the next begins, whatever the clocks did in between.
        windows = [
            Window(begins, now, now),
            Window(week, week + span, midnight(week + timedelta(hours=36), self._zone)),
        ]
        return Figures(
            as_of=now,
            today=begins,
            slots=await business.windows(conn, windows, HOUR_S),
            statuses=await dashboard.counts(conn),
            shipping=await business.shipping_time(conn, now - WEEK),
            attention=await parked_groups.groups(conn),
            sold_out=await business.sold_out(conn),
            refunds=await business.refunds_since(conn, now - WEEK),
            refund_queue=await business.refund_queue(conn),
        )


def midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    """When the day of this moment began there."""
    return datetime.combine(moment.astimezone(zone).date(), time(), zone)
