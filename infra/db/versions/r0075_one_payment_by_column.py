"""One payment of a change, one authorisation of a guarantee, by their columns."""

from infra.db import revisions

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The indexes, in the place of two that read numbers and keys, and the constraints for old rows."""
    revisions.run_apart("0075_one_payment_by_column")


def downgrade() -> None:
    """There is no way back: payments would lose what they are for."""
    raise RuntimeError("payments keep what they are for; restore a backup instead")
