"""Becomes another program, for the supervisor: `python -I -S launch.py JSON`.

A program of its own instead of a hook between fork and exec, because the supervisor has threads. It imports the
standard library only and keeps its process id through exec. The JSON object has:

- parent: the supervisor's process id; if it is gone already the program is not started
- death_signal: signal number that the kernel sends to the program when the supervisor dies
- uid, gid: whom to become, or null to stay
- reach: paths which that user must be able to read
- argv: the program, absolute, and its arguments
"""

import ctypes
import json
import os
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522
CANNOT_START = 126


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _hold(capabilities: int) -> bool:
    """Holds exactly the capabilities of this bit mask; False when the system refuses."""
    header = _Header(CAPABILITY_VERSION_3, 0)
    sets = (_Sets * 2)(_Sets(capabilities, capabilities, capabilities), _Sets(0, 0, 0))
    return bool(_libc().capset(ctypes.byref(header), ctypes.byref(sets)) == 0)


def _raise_ambient(capability: int) -> bool:
    """Keeps one capability across exec."""
    if not _hold(1 << capability):
        return False
    return bool(_libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def _unreachable(paths: Sequence[str]) -> str | None:
    for path in paths:
        try:
            # not os.access: it judges the real user without the capabilities just raised
            os.stat(path)  # noqa: PTH116
        except PermissionError:
            return path
    return None


def become(uid: int, gid: int, reach: Sequence[str]) -> str | None:
    """Drops to another user with no capability, or with the one that reaching the paths takes.

    Returns the path that stays out of reach, else None.
    """
    _libc().prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    missing = _unreachable(reach)
    if missing is None:
        _hold(0)
        return None
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if _raise_ambient(capability) and _unreachable(reach) is None:
            return None
    return missing


def main() -> None:
    order = json.loads(sys.argv[1])
    if order["uid"] is not None:
        missing = become(order["uid"], order["gid"], order["reach"])
        if missing is not None:
            sys.stderr.write(
                f"user id {order['uid']} cannot reach {missing}: a folder above it is closed to others and the "
                "capability to pass it cannot be given; choose a data directory that others may pass "
                "(chmod o+x on the folders above it)\n"
            )
            sys.exit(CANNOT_START)
        os.chdir("/")  # the folder it was started in may be closed to this user
    if sys.platform == "linux":
        # after the change of user, which would clear it
        _libc().prctl(PR_SET_PDEATHSIG, order["death_signal"], 0, 0, 0)
        if os.getppid() != order["parent"]:
            sys.exit(CANNOT_START)
    os.execv(order["argv"][0], order["argv"])  # noqa: S606


if __name__ == "__main__":
    main()
