"""Passkeys of staff: made in a browser of the member, and signed with at the next sign-in."""

from api.dependencies import Services, actor
from api.schemas.staff import PasskeyLabel
from api.services.staff import proof
from api.services.staff.proof import Errors
from domain.access import Principal
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.staff import second_factors
from infra.db.staff.second_factors import Passkey
from infra.security import passkeys
from infra.security.passkeys import NewKey, PasskeyRefused, Site

site_of = passkeys.site_of


async def begin(services: Services, caller: Principal, site: Site, password: str, address: str) -> str | Errors:
    """What the browser is asked to make a key with, as JSON; errors by field."""
    if errors := await proof.proved(services, caller.subject, password, address):
        return errors
    async with services.database.begin() as conn:
        known = await second_factors.passkeys_of(conn, caller.subject)
        if len(known) >= second_factors.MOST_PASSKEYS:
            return {"label": "account.too_many_passkeys"}
        challenge = await second_factors.open_challenge(conn, "register", caller.subject)
    return passkeys.registration(site, caller.subject, challenge, [key.credential_id for key in known])


async def finish(services: Services, caller: Principal, site: Site, label: PasskeyLabel, answer: str) -> bool:
    """Keep the key that the browser made; False where its answer proves nothing, or the key is known."""
    try:
        challenge = passkeys.challenge_of(answer)
        async with services.database.begin() as conn:
            owner = await second_factors.spend(conn, "register", challenge)
        if owner != caller.subject:
            return False
        made = passkeys.registered(site, challenge, answer)
    except PasskeyRefused:
        return False
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        key = (made.credential_id, made.public_key, made.sign_count)
        return await second_factors.add_passkey(conn, caller.subject, label.label, key)


async def open_challenge(conn: Connection, site: Site, name: str) -> str:
    """What a browser of this member signs to sign in, as JSON; for whoever knew the password."""
    known = await second_factors.passkeys_of(conn, name)
    challenge = await second_factors.open_challenge(conn, "sign_in", name)
    return passkeys.request(site, challenge, [key.credential_id for key in known])


async def signed_in(services: Services, site: Site, answer: str) -> str | None:
    """Whose passkey answered a challenge of a sign-in; None where nothing is proved. The challenge is spent."""
    try:
        challenge, credential = passkeys.challenge_of(answer), passkeys.credential_of(answer)
        async with services.database.begin() as conn:
            name = await second_factors.spend(conn, "sign_in", challenge)
            keys = await second_factors.passkeys_of(conn, name) if name else []
        key = next((one for one in keys if one.credential_id == credential), None)
        if name is None or key is None:
            return None
        count = passkeys.proved(site, challenge, answer, _known(key))
    except PasskeyRefused:
        return None
    async with services.database.begin() as conn:
        await second_factors.use_passkey(conn, name, key.passkey_id, count)
    return name


def _known(key: Passkey) -> NewKey:
    return NewKey(key.credential_id, key.public_key, key.sign_count)
