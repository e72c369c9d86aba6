"""Pages through the backorders that wait, and wakes those that what is there would serve."""

import time

from infra.db.autocommit import autocommit
from infra.db.engine import Database
from infra.db.stock import backorders

PAGE, AT_ONCE = 1000, 200
BUSY_S, POLL_S = 0.5, 5.0
# An order that could go on and does not is asked again less and less often: a run takes 10,000 signals.
AGAIN_S, MAX_AGAIN_S = 10.0, 3600.0
START = (float("-inf"), "")


class BackorderWaker:
    """One per relay. A trigger usually wakes the orders that fit: they are woken here if they still fit after
    `settle_s`."""

    def __init__(self, database: Database, *, page: int = PAGE, settle_s: float = POLL_S) -> None:
        self._database = database
        self._page = page
        self._settle_s = settle_s
        self._after = START
        self._attempts: dict[str, tuple[int, float]] = {}

    async def step(self) -> bool:
        """One page; False at the end of the list, which begins anew at the next look."""
        async with autocommit(self._database) as connection:
            found = await backorders.page(connection, self._after, self._page)
            due = [one.order_no for one in found if one.fits and self._is_due(one.order_no)][:AT_ONCE]
            if due:
                await backorders.signal(connection, due)
        for order_no in due:
            self._postpone(order_no)
        more = len(found) == self._page
        self._after = (found[-1].rank, found[-1].order_no) if more else START
        if not more:
            self._forget()
        return more or len(due) == AT_ONCE

    def _is_due(self, order_no: str) -> bool:
        now = time.monotonic()
        return now >= self._attempts.setdefault(order_no, (0, now + self._settle_s))[1]

    def _postpone(self, order_no: str) -> None:
        times = self._attempts[order_no][0]
        self._attempts[order_no] = times + 1, time.monotonic() + min(MAX_AGAIN_S, AGAIN_S * 2.0 ** min(times, 10))

    def _forget(self) -> None:
        """Those that have gone on since."""
        old = time.monotonic() - MAX_AGAIN_S
        self._attempts = {order_no: attempt for order_no, attempt in self._attempts.items() if attempt[1] > old}
