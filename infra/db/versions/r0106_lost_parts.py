"""A part of an order can be sent again from another warehouse."""

from infra.db import revisions

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The previous version sends whole orders again, which is as before."""
    revisions.run("0106_lost_parts")


def downgrade() -> None:
    """There is no way back; the function serves the previous version, too."""
    raise RuntimeError("the function stays: the previous version works with it")
