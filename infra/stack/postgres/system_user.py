"""The user that PostgreSQL runs as when the stack is started by root, whom PostgreSQL refuses."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from infra.stack.errors import StackError

NAME = "oms-postgres"
FALLBACK = "nobody"


def database_user() -> pwd.struct_passwd | None:
    """None when this process is not root; else a user without privileges, made when it is missing.

    initdb needs an entry in the password file, so a number alone does not work. Raises StackError when there is none.
    """
    if os.geteuid() != 0:
        return None
    found = _find(NAME) or _make() or _find(FALLBACK)
    if found is None:
        raise StackError(
            f"PostgreSQL refuses to run as root, and neither user {NAME} nor {FALLBACK} exists; "
            "make one or start as another user"
        )
    return found


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _make() -> pwd.struct_passwd | None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return None
    command = [useradd, "--system", "--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", NAME]
    subprocess.run(command, capture_output=True, check=False)  # another stack may make it at this moment: look again
    return _find(NAME)


def own(folder: Path, user: pwd.struct_passwd) -> None:
    """Gives a folder and its content to the user, unless it is theirs already (a copied or restored one is not)."""
    stat = folder.stat()
    if (stat.st_uid, stat.st_gid) == (user.pw_uid, user.pw_gid):
        return
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in (*folders, *files):
            os.chown(Path(parent, name), user.pw_uid, user.pw_gid, follow_symlinks=False)
    os.chown(folder, user.pw_uid, user.pw_gid)  # last, so that an interrupted run is repeated
