"""The answers to requests are kept sealed."""

from pathlib import Path

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for sealed answers."""
    script = Path(__file__).with_name("0036_sealed_answers.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: sealed answers would be lost."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
