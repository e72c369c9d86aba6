"""Functions resolve names in a path of their own; the services have no place for temporary or new objects."""

from pathlib import Path

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Pin the path of every function."""
    script = Path(__file__).with_name("0025_pinned_paths.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: the guards could be shadowed again."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
