"""A function as the migration wrote it, without what PostgreSQL adds."""

import re

from infra.db.schema.catalogue import Function
from infra.db.schema.expressions import type_name, wrapped


def create(function: Function) -> str:
    """CREATE FUNCTION, with its properties on one line where they fit."""
    head, quoted, body = function.definition.partition("AS $function$")
    if not quoted:  # a body that PostgreSQL keeps parsed
        head, _, body = function.definition.partition("\nRETURN ")
        return f"{_head(head)}\n{wrapped('RETURN ' + body.strip())};"
    quote = "$function$" if "$$" in body else "$$"
    return f"{_head(head)} AS {quote}{body.rstrip().removesuffix('$function$')}{quote};"


def signature(function: Function) -> str:
    """Its name and the types of its arguments, as GRANT wants them."""
    return f"{function.name}({type_name(function.arguments)})"


def _head(text: str) -> str:
    lines = [line.strip() for line in text.strip().split("\n")]
    first = type_name(lines[0].replace("CREATE OR REPLACE FUNCTION public.", "CREATE FUNCTION "))
    rest = type_name(" ".join(lines[1:]).replace("SET search_path TO ", "SET search_path = "))
    rest = re.sub(r"'(\w+)'", r"\1", rest)
    return f"{first} {rest}" if len(first) + len(rest) < 116 else f"{first}\n  {rest}"
