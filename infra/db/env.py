"""Alembic's environment: one connection, one transaction per revision, no lock waited for longer than a moment."""

import logging
import time

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from infra.db.roles import assume_owner

TURN = 5201314
TURN_POLL_S = 0.2
_log = logging.getLogger(__name__)


def _wait_for_its_turn(connection: Connection) -> None:
    """Two processes that migrate at once take turns.

    The lock is polled: a statement that waits has a snapshot, and CREATE INDEX CONCURRENTLY would wait for its
    end.
    """
    logged = False
    while not connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (TURN,)).scalar_one():
        connection.commit()
        if not logged:
            _log.warning("another migration of this database is running; waiting until it ends")
        logged = True
        time.sleep(TURN_POLL_S)
    connection.commit()


engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    _wait_for_its_turn(connection)
    # A statement that waits for a lock on a table makes all statements behind it wait, too.
    connection.exec_driver_sql(
        "SELECT set_config('lock_timeout', %s, false)", (context.config.attributes["lock_timeout"],)
    )
    connection.exec_driver_sql("SET statement_timeout = 0")
    # If this process is killed the server ends its statement and releases the lock.
    connection.exec_driver_sql("SET client_connection_check_interval = '2s'")
    connection.commit()
    assume_owner(connection)
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.exec_driver_sql("SELECT pg_advisory_unlock(%s)", (TURN,))
