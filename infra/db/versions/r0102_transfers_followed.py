"""A workflow follows each transfer."""

from infra.db import revisions

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A worker of the previous version drops the signal: `oms recover` starts what does not run."""
    revisions.run("0102_transfers_followed")


def downgrade() -> None:
    """There is no way back: requests of the new kind would be refused."""
    raise RuntimeError("transfers stay followed; the previous version drops their signals")
