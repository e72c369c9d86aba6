"""When units arrive, only as many waiting orders are looked at as they can serve."""

from infra.db import revisions

revision = "0138"
down_revision = "0137"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The same orders are woken; a level that has thousands of them waiting is locked for a shorter time."""
    revisions.run("0138_signal_until_served")


def downgrade() -> None:
    """There is no way back, and no need: the function wakes the same orders."""
    raise RuntimeError("the function stays: it wakes the same orders")
