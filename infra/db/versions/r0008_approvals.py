"""A second person's yes for acts that move money."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create approvals and what holds acts to them."""
    script = Path(__file__).with_name("0008_approvals.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: who approved what would be gone."""
    raise RuntimeError("approvals are not dropped; restore a backup instead")
