"""What the warehouse picks, packs and hands over."""

from infra.db import revisions

revision = "0117"
down_revision = "0116"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that is 0 everywhere, and tables of their own; the previous version ships as before."""
    revisions.run("0117_picking")


def downgrade() -> None:
    """There is no way back: what was picked would be lost."""
    raise RuntimeError("picks stay; the previous version ignores them")
