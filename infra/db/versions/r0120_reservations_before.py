"""What was reserved before has its row of a fulfilment."""

from infra.db import revisions

revision = "0120"
down_revision = "0119"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A thousand rows at a time; they are changed meanwhile."""
    revisions.run_in_parts("0120_reservations_before")


def downgrade() -> None:
    """There is no way back: the rows do no harm to the previous version."""
    raise RuntimeError("the rows stay: the previous version works beside them")
