"""What refers to a stored file is found by the file."""

from infra.db import revisions

revision = "0097"
down_revision = "0096"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Photographs are added and products change meanwhile."""
    revisions.run_apart("0097_file_references")


def downgrade() -> None:
    """There is no way back: the indexes do no harm to the previous version."""
    raise RuntimeError("the indexes stay: the previous version works beside them")
