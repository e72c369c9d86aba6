"""Money that is given adds up."""

from pathlib import Path

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count what is given by order and by person; a person is one name."""
    script = Path(__file__).with_name("0029_cumulative_approvals.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: limits could be passed in parts."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
