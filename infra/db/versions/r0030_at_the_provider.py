"""What was done at the provider without us: refunds, voids, captures and disputes."""

from infra.db import revisions

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and rules, also for what is disputed."""
    revisions.run("0030_at_the_provider")
    revisions.run("0030_lifecycle")


def downgrade() -> None:
    """There is no way back: what providers took back would be gone from the books."""
    raise RuntimeError("disputes are not dropped; restore a backup instead")
