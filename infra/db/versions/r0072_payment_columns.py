"""What a payment is for is in columns."""

from infra.db import revisions

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and fill them where an older process writes a row."""
    revisions.run("0072_payment_columns")


def downgrade() -> None:
    """There is no way back: payments would lose what they are for."""
    raise RuntimeError("payments keep what they are for; restore a backup instead")
