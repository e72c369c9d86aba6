"""A hold stops the parts of a split order that are not booked yet."""

from infra.db import revisions

revision = "0143"
down_revision = "0142"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Functions that the previous version works with, too; it places no such hold itself."""
    revisions.run("0143_holds_of_parts")


def downgrade() -> None:
    """There is no way back: a hold that stands would no longer be enforced."""
    raise RuntimeError("holds of parts stay; the previous version works with them")
