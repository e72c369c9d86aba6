"""No-op DBOS workflows: `python -m bench.programs.dbos_steps` reads {url, count, steps} and prints {per_s, cpu_ms}."""

import asyncio
import json
import sys
import time

from dbos import DBOS, DBOSConfig

AT_ONCE, WARM = 100, 10


@DBOS.step()
async def nothing(number: int) -> int:
    return number


@DBOS.workflow()
async def order_steps(steps: int) -> int:
    for number in range(steps):
        await nothing(number)
    return steps


async def run(count: int, steps: int) -> float:
    """Seconds that `count` workflows take."""
    gate, begun = asyncio.Semaphore(AT_ONCE), time.perf_counter()

    async def one() -> None:
        async with gate:
            await order_steps(steps)

    await asyncio.gather(*(one() for _ in range(count)))
    return time.perf_counter() - begun


async def measure(count: int, steps: int) -> dict[str, float]:
    await run(WARM, steps)
    cpu_s = time.process_time()
    seconds = await run(count, steps)
    return {"per_s": count / seconds, "cpu_ms": 1000 * (time.process_time() - cpu_s) / count}


def main() -> None:
    spec = json.load(sys.stdin)
    url = spec["url"].replace("postgresql://", "postgresql+psycopg://", 1)
    config: DBOSConfig = {"name": "bench", "system_database_url": url, "log_level": "ERROR"}
    DBOS(config=config)
    DBOS.launch()
    found = asyncio.run(measure(spec["count"], spec["steps"]))
    print(json.dumps(found), flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main()
