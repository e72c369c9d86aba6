"""A refund that its provider takes back after it had succeeded is open again."""

from pathlib import Path

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Its entry in the ledger, and what follows from it."""
    script = Path(__file__).with_name("0048_bounced_refunds.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: money that came back would be gone from the books."""
    raise RuntimeError("reversals are not dropped; restore a backup instead")
