"""A table as a person would write it: columns in order, short constraints beside their column, the rest below."""

from collections.abc import Callable, Mapping

from domain.json_types import JsonObject, JsonValue
from infra.db.schema.catalogue import Table
from infra.db.schema.expressions import WIDTH, filled, shorter, type_name, wrapped

Row = JsonObject


def create(table: Table, notes: Mapping[str, str], is_included: Callable[[str], bool]) -> str:
    """CREATE TABLE; a foreign key to a table that `is_included` does not know yet is left to `later_keys`."""
    inline, own = _shared_out(table, is_included)
    name_width = max(len(column["name"]) for column in table.columns)
    parts = [
        (_column(column, inline.get(column["name"], []), name_width), notes.get(f"{table.name}.{column['name']}", ""))
        for column in table.columns
    ]
    parts += [(_constraint(row), "") for row in own]
    options = f" WITH ({', '.join(table.options).replace('=', ' = ')})" if table.options else ""
    return f"CREATE TABLE {table.name} (\n{_listed(parts)}\n){options};"


def indexes(table: Table) -> list[str]:
    """CREATE INDEX for each that carries no constraint."""
    return [wrapped(shorter(row["definition"]) + ";") for row in table.indexes]


def sequences(table: Table) -> list[str]:
    """CREATE SEQUENCE for each that numbers a column from a trigger; one of an identity column comes with its table."""
    return [f"CREATE SEQUENCE {row['name']} OWNED BY {table.name}.{row['column']};" for row in table.sequences]


def not_validated(table: Table) -> list[str]:
    """ALTER TABLE ... ADD for each constraint that older rows need not meet: CREATE TABLE cannot say so."""
    return [_added(table, row) for row in table.constraints if not row["valid"]]


def later_keys(table: Table, is_included: Callable[[str], bool]) -> list[tuple[str, str]]:
    """(the table it refers to, ALTER TABLE ... ADD) for each foreign key that could not stand in CREATE TABLE."""
    return [
        (row["target"], _added(table, row))
        for row in table.constraints
        if row["kind"] == "f" and row["valid"] and not is_included(row["target"])
    ]


def _added(table: Table, row: Row) -> str:
    return wrapped(f"ALTER TABLE {table.name} ADD {_constraint(row).strip()};")


def trigger(row: Row) -> str:
    """CREATE TRIGGER, in up to three lines."""
    text = shorter(row["definition"]) + ";"
    event, _, rest = text.partition(" FOR EACH ")
    when, _, function = rest.rpartition(" EXECUTE FUNCTION ")
    if len(text) <= WIDTH:
        return text
    if len(rest) < WIDTH - 12:
        return f"{wrapped(event)}\n  FOR EACH {rest}"
    return wrapped(f"{event}\n  FOR EACH {when}\n  EXECUTE FUNCTION {function}")


def rows(table: Table) -> str:
    """INSERT for the rows that the migrations wrote."""
    values = [f"({', '.join(map(_literal, row.values()))})" for row in table.rows]
    return filled(
        f"INSERT INTO {table.name} ({', '.join(table.rows[0])}) VALUES",
        [f"{one}," for one in values[:-1]] + [f"{values[-1]};"],
    )


def _shared_out(table: Table, is_included: Callable[[str], bool]) -> tuple[dict[str, list[str]], list[Row]]:
    inline: dict[str, list[str]] = {}
    own = []
    for row in table.constraints:
        if not row["valid"] or (row["kind"] == "f" and not is_included(row["target"])):
            continue
        if short := _beside_column(table.name, row):
            inline.setdefault(row["columns"][0], []).append(short)
        else:
            own.append(row)
    return inline, own


def _beside_column(table: str, row: Row) -> str | None:
    """A constraint of one column that has the name which PostgreSQL gives it, as it stands beside the column."""
    if len(row["columns"]) != 1:
        return None
    (column,) = row["columns"]
    expected = {"p": f"{table}_pkey", "u": f"{table}_{column}_key", "f": f"{table}_{column}_fkey"}
    if row["name"] != expected.get(row["kind"], f"{table}_{column}_check"):
        return None
    text = shorter(row["definition"])
    if row["kind"] == "c":
        return text if "\n" not in text else None
    return text.replace(f"FOREIGN KEY ({column}) ", "").replace(f" ({column})", "", 1)


def _column(column: Row, constraints: list[str], width: int) -> str:
    words = [f"  {column['name']:<{width}}", type_name(column["type"])]
    if column["required"] and not any(part == "PRIMARY KEY" for part in constraints) and not column["identity"]:
        words.append("NOT NULL")
    if column["identity"]:
        words.append(f"GENERATED {'ALWAYS' if column['identity'] == 'a' else 'BY DEFAULT'} AS IDENTITY")
    elif column["generated"]:
        words.append(f"GENERATED ALWAYS AS ({shorter(column['value'])}) STORED")
    elif column["value"] is not None:
        words.append(f"DEFAULT {shorter(column['value'])}")
    return " ".join([*words, *constraints])


def _constraint(row: Row) -> str:
    text = shorter(row["definition"])
    return f"  CONSTRAINT {row['name']} " + "\n  ".join(text.split("\n"))


def _listed(parts: list[tuple[str, str]]) -> str:
    """The parts with commas, each with its note at its end or, where that is too long, on lines of its own above."""
    lines = []
    for number, (text, note) in enumerate(parts, start=1):
        line = wrapped(text + ("," if number < len(parts) else ""), indent="    ")
        fits = len(line.rsplit("\n", 1)[-1]) + len(note) + 5 <= WIDTH
        lines.append(f"{line}  -- {note}" if note and fits else f"  -- {note}\n{line}" if note else line)
    return "\n".join(lines)


def _literal(value: JsonValue) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()
