"""Further fulfilments of an order know when it was placed."""

from infra.db import revisions

revision = "0122"
down_revision = "0121"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A trigger writes it, whichever version adds the fulfilment; plain orders have none."""
    revisions.run("0122_further_fulfilments")


def downgrade() -> None:
    """There is no way back: the column stays."""
    raise RuntimeError("the column stays; the previous version works beside it")
