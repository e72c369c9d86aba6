"""A view as a migration writes it, without what PostgreSQL adds."""

import re

from infra.db.schema.catalogue import View
from infra.db.schema.expressions import wrapped


def create(view: View) -> str:
    """CREATE VIEW, with its options."""
    options = f" WITH ({', '.join(view.options).replace('=', ' = ')})" if view.options else ""
    query = re.sub(r"\s+", " ", view.definition.strip())
    return wrapped(f"CREATE VIEW {view.name}{options} AS {query}")
