"""Functions read what a payment is for in its columns."""

from infra.db import revisions

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The constraints for new rows, and the functions."""
    revisions.run("0074_payments_by_column")


def downgrade() -> None:
    """There is no way back: payments would lose what they are for."""
    raise RuntimeError("payments keep what they are for; restore a backup instead")
