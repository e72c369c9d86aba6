"""A desk on a fresh database for each module."""

from collections.abc import AsyncIterator

import pytest

from tests.books.writing import Desk, connect
from tests.conftest import Books


@pytest.fixture(scope="module")
async def desk(database_url: Books) -> AsyncIterator[Desk]:
    owner, app = await connect(database_url.owner_url), await connect(database_url.app_url)
    opened = Desk(database_url, owner, app)
    await opened.stock("TEA", 1000)
    yield opened
    await app.close()
    await owner.close()
