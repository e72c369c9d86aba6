"""Stock levels of channels are sent to webhook endpoints that ask for them, the newest of each product."""

from infra.db import revisions

revision = "0137"
down_revision = "0136"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The relay of this version sends them; one of the previous version sends events of orders only."""
    revisions.run("0137_stock_level_deliveries")


def downgrade() -> None:
    """There is no way back: what endpoints were sent would be lost."""
    raise RuntimeError("what was sent stays; the previous version does not read it")
