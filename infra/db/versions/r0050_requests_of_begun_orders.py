"""An index of what is told about orders that have begun."""

from infra.db import revisions

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Requests come and go meanwhile."""
    revisions.run_apart("0050_requests_of_begun_orders")


def downgrade() -> None:
    """There is no way back: each look for a signal would walk over all that wait."""
    raise RuntimeError("the index is not dropped; restore a backup instead")
