"""Photographs in a form that is not sent yet: what was uploaded stays with the form, whatever else is refused."""

from collections.abc import Mapping

from fastapi import Request

from api.dependencies import Services
from api.pages.uploads import sent_files
from api.services.files import uploads
from api.services.files.uploads import MAX_PHOTOGRAPHS
from domain.access import Principal
from domain.errors import RuleBroken

FILES, KEPT = "photographs", "kept."


def named(fields: Mapping[str, str]) -> list[str]:
    """The ids of the photographs that the form carries, as it says them."""
    return [name.removeprefix(KEPT) for name in fields if name.startswith(KEPT)][:MAX_PHOTOGRAPHS]


async def received(
    request: Request, services: Services, customer: Principal, fields: dict[str, str]
) -> list[tuple[str, str]]:
    """Store the files of the form and note them in its `fields`, beside those of this customer that it carries. Returns
    the names of the files that are refused, each with a code."""
    ids, refused = await uploads.kept(services, customer, named(fields)), []
    for file in await sent_files(request, FILES):
        try:
            if len(ids) >= MAX_PHOTOGRAPHS:
                raise RuleBroken("too_many_photographs")
            ids.append(await uploads.keep_for_form(services, customer, await uploads.checked(file)))
        except RuleBroken as error:
            refused.append((file.name, error.code))
    for name in [name for name in fields if name.startswith(KEPT)]:
        del fields[name]
    fields |= {f"{KEPT}{file_id}": "1" for file_id in ids}
    return refused
