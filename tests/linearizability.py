"""Is a concurrent history of one product's units one that could have happened one act after the other?

The search of Wing and Gong (1993) with the memory of Lowe (2017): the acts that may come next are those that began
before the first open answer; a set of acts that were done and the state that they led to is tried once. An act whose
answer was lost may have happened at any time after it began, or never.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class What(StrEnum):
    RESERVE = "reserve"
    RELEASE = "release"
    RECEIVE = "receive"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Act:
    """`units` that it asked for; `answer`: True or False for done or short, the units that were read, None where nobody
    knows. `ended` is None where no answer came."""

    what: What
    units: int
    began: int
    ended: int | None
    answer: bool | int | None


def after(act: Act, available: int) -> set[int]:
    """The units that are available after the act; empty where it cannot have its answer now."""
    match act.what:
        case What.RECEIVE | What.RELEASE:
            return {available + act.units}
        case What.READ:
            return {available} if act.answer in (None, available) else set()
    outcomes = {True: available - act.units} if available >= act.units else {False: available}
    return {left for done, left in outcomes.items() if act.answer in (None, done)}


def is_linearizable(history: Sequence[Act], available: int) -> bool:
    """True where some order of the acts, each between its beginning and its end, gives all answers."""
    acts = sorted(history, key=lambda act: act.began)
    known = sum(1 << place for place, act in enumerate(acts) if act.ended is not None)
    seen: set[tuple[int, int]] = set()
    open_states = [(0, available)]
    while open_states:
        done, units = open_states.pop()
        if done & known == known:
            return True
        if (done, units) in seen:
            continue
        seen.add((done, units))
        for place in _next(acts, done):
            open_states += [(done | 1 << place, left) for left in after(acts[place], units)]
    return False


def _next(acts: Sequence[Act], done: int) -> list[int]:
    """Acts that began before any act that is not done has ended."""
    left = [place for place in range(len(acts)) if not done >> place & 1]
    first = min((acts[place].ended or 0 for place in left if acts[place].ended is not None), default=None)
    return [place for place in left if first is None or acts[place].began < first]
