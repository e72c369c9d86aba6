"""An act on a stuck step belongs to that step, and moves what was agreed."""

from pathlib import Path

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bind acts, approvals and bulk acts to their step."""
    script = Path(__file__).with_name("0054_bound_resolutions.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: an act could be taken for another step."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
