"""What the database driver makes at run time: the type checker knows neither the columns of a row nor of a query.

Together with `domain.json_types` this is where infra/db says `Any`; elsewhere mypy refuses it.
"""

from typing import Any, TypeAlias

import psycopg
from sqlalchemy import ColumnElement, Select

# A row with its columns as attributes; None where a statement found none.
DriverRow: TypeAlias = Any
DriverConnection: TypeAlias = psycopg.AsyncConnection[Any]
DriverCursor: TypeAlias = psycopg.AsyncCursor[Any]
Query: TypeAlias = Select[Any]
Column: TypeAlias = ColumnElement[Any]
# The columns of a table or a query, as attributes.
Columns: TypeAlias = Any
# What a pool hands on to the driver.
DriverArgument: TypeAlias = Any
