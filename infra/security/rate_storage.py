"""Where the library `limits` counts calls: in the memory of the process, without a thread, with bounded memory.

Its own MemoryStorage begins a thread under load every 10 ms, which walks over all callers, and keeps a lock for each.
This one forgets all callers of a window at once, as soon as no sliding window covers it any more. It keeps
MOST_CALLERS in each window and forgets the first of them for the next: somebody who calls from more addresses than
that is nobody whom a limit for each address holds.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from limits.storage import SlidingWindowCounterSupport, Storage

MOST_CALLERS = 50_000


def now() -> float:
    """Seconds since 1970."""
    return time.time()


class _Windows:
    """The calls of each caller in the window that runs, and in the one before it."""

    __slots__ = ("before", "counts", "number")

    def __init__(self) -> None:
        self.number = 0
        self.before: OrderedDict[str, int] = OrderedDict()
        self.counts: OrderedDict[str, int] = OrderedDict()

    def turn(self, number: int) -> None:
        """Delete what no sliding window covers any more, of all callers."""
        if number != self.number:
            self.before = self.counts if number == self.number + 1 else OrderedDict()
            self.number, self.counts = number, OrderedDict()


class WindowStorage(Storage, SlidingWindowCounterSupport):
    """For the strategy SlidingWindowCounterRateLimiter only. Not for threads."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] | None = None, most: int | None = None) -> None:
        super().__init__()
        self._clock, self._most = clock or now, most or MOST_CALLERS
        self._by_width: dict[int, _Windows] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        """No error of its own."""
        return ValueError

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` calls if they are within the limit; what is refused is not counted."""
        windows, share = self._at(expiry)
        count = windows.counts.get(key, 0)
        if int(windows.before.get(key, 0) * share) + count + amount > limit:
            return False
        if not count and len(windows.counts) >= self._most:
            windows.counts.popitem(last=False)
        windows.counts[key] = count + amount
        return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Calls in the window before and seconds that it still counts for; the same of the window that runs."""
        windows, share = self._at(expiry)
        left_s = share * expiry
        return windows.before.get(key, 0), left_s, windows.counts.get(key, 0), left_s + expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Delete a caller."""
        windows, _ = self._at(expiry)
        windows.before.pop(key, None)
        windows.counts.pop(key, None)

    def clear(self, key: str) -> None:
        """Delete a caller in windows of every width."""
        for expiry in self._by_width:
            self.clear_sliding_window(key, expiry)

    def reset(self) -> int:
        """Delete all callers; how many there were."""
        known = sum(len(windows.before.keys() | windows.counts.keys()) for windows in self._by_width.values())
        self._by_width.clear()
        return known

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Of fixed windows, which this storage has none of."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Of fixed windows, which this storage has none of."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Of fixed windows, which this storage has none of."""
        raise NotImplementedError

    def _at(self, expiry: int) -> tuple[_Windows, float]:
        """The windows of one width, and the share of the one before that a window which ends now still covers."""
        windows = self._by_width.get(expiry)
        if windows is None:
            windows = self._by_width[expiry] = _Windows()
        at = self._clock() / expiry
        number = int(at)
        windows.turn(number)
        return windows, 1 - (at - number)
