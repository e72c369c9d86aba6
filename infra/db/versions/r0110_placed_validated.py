"""What is placed is never more than what is there, in old levels as well."""

from infra.db import revisions

revision = "0110"
down_revision = "0109"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Levels move meanwhile."""
    revisions.run_apart("0110_placed_validated")


def downgrade() -> None:
    """There is no way back: the check does no harm to the previous version."""
    raise RuntimeError("the check stays")
