"""Whether this process still gets round: what never stops says so again and again, and a thread counts since when not.

The thread is apart from the event loop, which may hang itself. It counts seconds in which it ran: a process that was
suspended, or a machine that slept, has not been silent meanwhile. A process that is silent says so at /healthz, then
ends, so that whoever supervises it starts it again.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

UNHEALTHY_S, END_S = 30, 60
_TICK_S, _LAST_WORDS_S = 1.0, 2.0
_FAILED = 1
_log = logging.getLogger(__name__)


class Pulse:
    """Beats of the parts of one process, by name. Counts nothing, and finds everything well, until `guard`."""

    def __init__(self) -> None:
        self._silent_s: dict[str, int] = {}
        self._unwritten_s = 0
        self._counting = threading.Lock()

    def beat(self, part: str) -> None:
        """This part has got round."""
        with self._counting:
            self._silent_s[part] = 0

    def written(self) -> None:
        """The heartbeat of this process is in the database."""
        self._unwritten_s = 0

    @property
    def silent_s(self) -> int:
        """For how long the part that is silent the longest has been so."""
        return max(self._silent_s.copy().values(), default=0)

    def healthy(self) -> bool:
        """False once a part has been silent for too long: to be started again."""
        return self.silent_s < UNHEALTHY_S

    @property
    def cut_off(self) -> bool:
        """True if the database could not be reached for too long. To restart the process would not help."""
        return self._unwritten_s >= UNHEALTHY_S

    def guard(self, end: Callable[[], None] | None = None) -> None:
        """Count from now on, in a thread; `end` (by default: end the process with 1) follows after a long silence."""
        threading.Thread(target=self._count, args=(end or _end,), name="pulse", daemon=True).start()

    def tick(self) -> None:
        """A second has passed."""
        self._unwritten_s += 1
        with self._counting:
            for part in self._silent_s:
                self._silent_s[part] += 1

    def _count(self, end: Callable[[], None]) -> None:
        while self.silent_s < END_S:
            time.sleep(_TICK_S)
            self.tick()
        silent = ", ".join(sorted(part for part, seconds in self._silent_s.items() if seconds >= END_S))
        # What hangs may hold the log's lock.
        saying = threading.Thread(target=_log.critical, args=("this process hangs (%s): it ends", silent), daemon=True)
        saying.start()
        saying.join(_LAST_WORDS_S)
        end()


def _end() -> None:
    os._exit(_FAILED)


# That of this process.
PULSE = Pulse()
