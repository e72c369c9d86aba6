"""Alembic's environment: one connection, one transaction per upgrade."""

from alembic import context
from sqlalchemy import create_engine, pool

from infra.db.roles import act_as_owner

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    # Two processes that migrate at once take turns.
    connection.exec_driver_sql("SELECT pg_advisory_lock(5201314)")
    connection.commit()
    act_as_owner(connection)
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    connection.exec_driver_sql("SELECT pg_advisory_unlock(5201314)")
