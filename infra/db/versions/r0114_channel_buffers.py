"""A warehouse keeps another number of units for the orders of some channels."""

from infra.db import revisions

revision = "0114"
down_revision = "0113"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The previous version keeps the buffer of the warehouse for all channels."""
    revisions.run("0114_channel_buffers")


def downgrade() -> None:
    """There is no way back: the buffers of channels would be lost."""
    raise RuntimeError("buffers of channels stay; the previous version ignores them")
