"""A receipt is booked once."""

from pathlib import Path

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark repeated receipts, and let the database refuse new ones."""
    script = Path(__file__).with_name("0026_receipts_once.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: receipts could be booked twice."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
