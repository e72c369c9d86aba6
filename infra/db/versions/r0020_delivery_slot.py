"""The time in which the customer wants his parcel."""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the slot to orders and to their changes."""
    script = Path(__file__).with_name("0020_delivery_slot.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: what customers were promised would be forgotten."""
    raise RuntimeError("delivery slots are not dropped; restore a backup instead")
