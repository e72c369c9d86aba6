"""What lines were sold for, and refunds."""

from pathlib import Path

from alembic import op

from domain.refunds import MOVES, RefundStatus

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their triggers; the legal moves are filled from the rules themselves."""
    script = Path(__file__).with_name("0010_refunds.sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.connection.cursor().execute(script)
    for status in RefundStatus:
        connection.exec_driver_sql("INSERT INTO refund_statuses VALUES (%s)", (status.value,))
    for source, target in sorted(MOVES):
        connection.exec_driver_sql("INSERT INTO refund_moves VALUES (%s, %s)", (source.value, target.value))


def downgrade() -> None:
    """There is no way back: what was promised to customers would be gone."""
    raise RuntimeError("refunds are not dropped; restore a backup instead")
