"""The database's two roles: the owner of tables and functions, and the one that services use.

Functions run with their owner's rights, so the owner is no superuser: whatever a guard can be made to do, it stays
within these books. A superuser may run the migrations; it does so as the owner.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the supervisor knows the names without the import
    from sqlalchemy import Connection

OWNER = "oms_owner"
APP = "oms_app"
HELP = "docs/database-roles.md says which statements the database's administrator runs once"


class WrongRoles(Exception):
    """The roles are not as the database needs them; says what to do."""


def assume_owner(connection: "Connection") -> None:
    """From here on the connection makes what the owner owns. Raises WrongRoles.

    A superuser makes the owner when it is missing, hands over what it had made itself, and takes the owner's place. Any
    other role is the owner itself.
    """
    me, superuser = connection.exec_driver_sql(
        "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
    ).one()
    if not _known(connection, APP):
        raise WrongRoles(f"the role {APP}, which the services use, does not exist: {HELP}")
    if superuser:
        _hand_over(connection)
    else:
        _see_that_all_is_its_own(connection, me)
    _run(connection, "close.sql")
    connection.commit()


def _known(connection: "Connection", role: str) -> bool:
    found = connection.exec_driver_sql("SELECT FROM pg_roles WHERE rolname = %s", (role,))
    return found.one_or_none() is not None


def _run(connection: "Connection", script: str) -> None:
    connection.connection.cursor().execute(Path(__file__).with_name(script).read_text(encoding="utf-8"))


def _hand_over(connection: "Connection") -> None:
    if not _known(connection, OWNER):
        connection.exec_driver_sql(f"CREATE ROLE {OWNER} NOLOGIN")
    strong = connection.exec_driver_sql("SELECT rolsuper FROM pg_roles WHERE rolname = %s", (OWNER,)).scalar_one()
    if strong:
        raise WrongRoles(
            f"the role {OWNER} is a superuser, and so would be whatever borrows a function's rights; make it an "
            f"ordinary role as another superuser, ALTER ROLE {OWNER} NOSUPERUSER, and migrate again"
        )
    _run(connection, "hand_over.sql")
    connection.exec_driver_sql(f"SET ROLE {OWNER}")


def _see_that_all_is_its_own(connection: "Connection", me: str) -> None:
    others = connection.exec_driver_sql(
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p', 'S') AND NOT pg_has_role(current_user, relowner, 'USAGE')"
    ).scalars()
    if found := sorted(others):
        raise WrongRoles(f"{me} cannot migrate tables of {', '.join(found)}: {HELP}")
    mine = connection.exec_driver_sql(
        "SELECT pg_has_role(current_user, datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
    ).scalar_one()
    if not mine:
        raise WrongRoles(f"{me} is not the owner of this database: {HELP}")
