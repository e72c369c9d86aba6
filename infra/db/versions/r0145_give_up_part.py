"""Support gives up a part of an order that its supplier refused."""

from infra.db import revisions

revision = "0145"
down_revision = "0144"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The previous version offers no such action, and works with the functions."""
    revisions.run("0145_give_up_part")


def downgrade() -> None:
    """There is no way back: decisions that were taken would be of an unknown kind."""
    raise RuntimeError("decisions to give a part up stay; the previous version works with them")
