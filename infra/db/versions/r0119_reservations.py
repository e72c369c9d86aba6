"""Stock is reserved for a fulfilment, so that two of one order can have the same product at the same warehouse."""

from infra.db import revisions

revision = "0119"
down_revision = "0118"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own, which follows what the previous version writes, and the other way round."""
    revisions.run("0119_reservations")


def downgrade() -> None:
    """There is no way back: which part has reserved what would be lost."""
    raise RuntimeError("the rows stay: the previous version works beside them")
