"""The console: staff, their sessions, search by product."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    script = Path(__file__).with_name("0002_console.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """Nobody can sign in any more; the books of orders are untouched."""
    op.get_bind().exec_driver_sql("DROP INDEX order_lines_sku; DROP TABLE staff_sessions, staff, sign_in_attempts")
