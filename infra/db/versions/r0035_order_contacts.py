"""How each order named its customer, and what that is found by."""

from pathlib import Path

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; the relay fills it for older orders, which needs the master key."""
    script = Path(__file__).with_name("0035_order_contacts.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: corrected contacts would be lost."""
    raise RuntimeError("the table is not dropped; restore a backup instead")
