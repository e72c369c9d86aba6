"""Alembic's environment: one connection, one transaction per revision, no lock waited for longer than a moment."""

import time

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from infra.db.roles import act_as_owner

TURN = 5201314
TURN_POLL_S = 0.2


def _wait_for_its_turn(connection: Connection) -> None:
    """Two processes that migrate at once take turns.

    Asked again and again: who waits within a statement has a snapshot, and an index that is made concurrently would
    wait for its end.
    """
    while not connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (TURN,)).scalar_one():
        connection.commit()
        time.sleep(TURN_POLL_S)
    connection.commit()


engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    _wait_for_its_turn(connection)
    # Whoever waits for a lock on a table makes everybody else wait behind him.
    connection.exec_driver_sql(
        "SELECT set_config('lock_timeout', %s, false)", (context.config.attributes["lock_timeout"],)
    )
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.commit()
    act_as_owner(connection)
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.exec_driver_sql("SELECT pg_advisory_unlock(%s)", (TURN,))
