"""The money that a step is about knows captures with each fulfilment."""

from infra.db import revisions

revision = "0136"
down_revision = "0135"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Both versions ask the same functions: for orders that are captured as a whole they answer as before."""
    revisions.run("0136_shares_at_stake")


def downgrade() -> None:
    """There is no way back, and no need: the previous version works with these functions."""
    raise RuntimeError("the functions stay: the previous version works with them")
