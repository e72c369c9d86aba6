"""Staff at the console of a running stack: they sign in with password and code, read pages and send their forms."""

import re
import secrets
import time
from collections import defaultdict
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

import httpx
import pyotp

from tests.faults.driver import post
from tests.faults.stackrun import StackRun

_TILE = re.compile(r'href="/console/orders\?status=(\w+)"[^>]*>[^<]*<span[^>]*>(\d+\+?)</span>')
_CAUSE = re.compile(
    r'<td class="text-end">(\d+).*?<td class="text-end"><span class="money">[^\d]*([\d,]+)\.(\d\d)', re.DOTALL
)
_MOVED = re.compile(r"(\d+) accepted, (\d+) refused, of (\d+)")


async def hired(stack: StackRun, role: str) -> dict[str, str]:
    """Name, password and secret of a new member of staff, by the API: a command would need a second to start."""
    answer = await post(stack, "/v1/staff", {"name": f"{role}-{secrets.token_hex(3)}", "role": role}, "admin")
    assert answer.status_code == 201, answer.text
    given: dict[str, str] = answer.json()
    return given


class Forms(HTMLParser):
    """The forms of a page: each with its action and the fields that it would send untouched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((known.get("action", ""), {}))
        elif tag == "input" and self.found and "name" in known:
            self.found[-1][1][known["name"]] = known.get("value", "")

    def one(self, target: str, /, **holding: str) -> dict[str, str]:
        """The fields of the only form that goes to `target` and holds these values."""
        (fields,) = [fields for action, fields in self.found if action == target and holding.items() <= fields.items()]
        return fields


@dataclass
class Console:
    """One signed-in browser. `times_ms` holds how long each page took, by phase and page."""

    http: httpx.AsyncClient
    phase: str = ""
    times_ms: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    async def get(self, path: str, name: str = "") -> str:
        """A page, which must come; timed under `name`."""
        begun = time.perf_counter()
        answer = await self.http.get(path)
        if name:
            self.times_ms[self.phase, name].append(1000 * (time.perf_counter() - begun))
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[-2000:]}"
        return answer.text

    async def send(self, path: str, fields: dict[str, str], status: int) -> httpx.Response:
        answer = await self.http.post(path, data=fields)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[-2000:]}"
        return answer

    async def tiles(self) -> dict[str, str]:
        """The board's number for each status as it is shown: `1000+` stands for any larger one."""
        return dict(_TILE.findall(await self.get("/console/orders", "board")))

    async def causes(self) -> list[tuple[int, int]]:
        """Orders and minor units of money of each cause in the queue of the stuck."""
        page = await self.get("/console/stuck", "stuck")
        # Row by row: a cause that is still tried, and parked nowhere yet, has no money.
        rows = (_CAUSE.search(row) for row in page.split("</tr>"))
        return [(int(row[1]), int(row[2].replace(",", "") + row[3])) for row in rows if row]

    async def first_cause(self) -> str:
        """The page of the queue's first cause."""
        found = re.search(r'href="(/console/stuck/group[^"]+)"', await self.get("/console/stuck"))
        assert found is not None, "nothing is stuck"
        return await self.get(unescape(found[1]))

    async def moved(self, job: str) -> tuple[int, int, int]:
        """Accepted, refused and all orders of a bulk act, from the part of its page that lives."""
        found = _MOVED.search(await self.get(f"{job}/progress", "job"))
        assert found is not None
        return int(found[1]), int(found[2]), int(found[3])


async def signed_in(stack: StackRun, role: str) -> Console:
    """A session of a new member of staff; close its `http`."""
    member = await hired(stack, role)
    http = httpx.AsyncClient(base_url=stack.ready["api"], timeout=60, trust_env=False, verify=False)
    console = Console(http)
    fields = Forms(await console.get("/console/sign-in")).one("/console/sign-in")
    code = pyotp.TOTP(member["secret"]).generate_otp(int(time.time()) // 30)
    typed = {"name": member["name"], "password": member["password"], "code": code}
    await console.send("/console/sign-in", fields | typed, 303)
    return console
