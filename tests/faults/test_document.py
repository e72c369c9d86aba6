"""What the OpenAPI document describes is called as it describes it, thousands of times: nothing fails, and every answer
is one that it announces. In the long tests."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from infra.security.tokens import issue
from tests.api.conftest import TOKEN_SECRET
from tests.api.test_connections import listening
from tests.conftest import DatabaseUrls

# A 500 is not announced anywhere, so it does not conform; a 503 is: there is no Temporal here.
CHECKS = "status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = 100


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.skipif("OMS_TORTURE" not in os.environ, reason="long: make torture")
async def test_no_call_that_the_document_describes_fails(database_url: DatabaseUrls, tmp_path: Path) -> None:
    """As an administrator, who comes furthest. DNS is asked for nobody: webhook targets may be private here."""
    bounds = {
        "header_timeout_s": 10.0,
        "body_timeout_s": 30.0,
        "max_header_bytes": 32_768,
        "connections_per_address": 0,
    }
    async with listening(database_url, allow_private_webhook_targets=True, **bounds) as port:
        token = issue(TOKEN_SECRET, "admin", "root", 3600)
        argv = [str(Path(sys.executable).with_name("schemathesis")), "run", f"http://127.0.0.1:{port}/openapi.json"]
        argv += ["--header", f"Authorization: Bearer {token}", "--checks", CHECKS, "--max-examples", str(EXAMPLES)]
        argv += ["--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--no-color"]
        log = tmp_path / "schemathesis.log"
        with log.open("wb") as output:
            run = await asyncio.create_subprocess_exec(*argv, cwd=tmp_path, stdout=output, stderr=output)
            code = await run.wait()
    assert code == 0, log.read_text().partition("= FAILURES =")[2][:8_000]
