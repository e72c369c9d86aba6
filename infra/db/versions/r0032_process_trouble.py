"""A process says what keeps it from its work."""

from pathlib import Path

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column of the lives of processes."""
    script = Path(__file__).with_name("0032_process_trouble.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: workers that run would fail to say that they live."""
    raise RuntimeError("the column is not dropped; restore a backup instead")
