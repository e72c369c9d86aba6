"""Returns, and stock in quarantine."""

from pathlib import Path

from alembic import op

from domain.after_sales import CLOSED, NOT_COUNTED, RETURN_TRANSITIONS, ReturnStatus

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their triggers; the lifecycle is filled from the rules themselves."""
    script = Path(__file__).with_name("0011_returns.sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.connection.cursor().execute(script)
    for status in ReturnStatus:
        values = (status.value, status not in NOT_COUNTED, status in CLOSED)
        connection.exec_driver_sql("INSERT INTO return_statuses VALUES (%s, %s, %s)", values)
    for (source, event), target in RETURN_TRANSITIONS.items():
        connection.exec_driver_sql("INSERT INTO return_transitions VALUES (%s, %s, %s)", (source, event, target))


def downgrade() -> None:
    """There is no way back: what customers sent us would be gone."""
    raise RuntimeError("returns are not dropped; restore a backup instead")
