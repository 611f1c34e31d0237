"""Sends prepared HTTP/1.1 requests over kept connections as fast as they are answered; prints JSON.

`python -m tests.bench.http_load HOST PORT CONNECTIONS FILE`: FILE is a pickled list of complete requests (bytes). A
process of its own, so that its share of the processor is not counted as the server's.
"""

import asyncio
import json
import pickle
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_END = b"\r\n\r\n"


async def _one(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(_END)
    lines = head.split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(lines[0].split(b" ")[1])


async def _connection(
    host: str, port: int, requests: Iterator[bytes], statuses: Counter[int], latencies: list[float]
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for request in requests:
        began = time.perf_counter()
        writer.write(request)
        statuses[await _one(reader)] += 1
        latencies.append((time.perf_counter() - began) * 1000)
    writer.close()


async def _main(host: str, port: int, connections: int, requests: list[bytes]) -> None:
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    shared = iter(requests)
    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_connection(host, port, shared, statuses, latencies) for _ in range(connections)))
    seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "seconds": seconds,
                "statuses": statuses,
                "latencies": latencies,
                "own_processor_seconds": time.process_time() - spent,
            }
        )
    )


if __name__ == "__main__":
    # The prepared requests are this benchmark's own file.
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), pickle.loads(Path(sys.argv[4]).read_bytes())))  # noqa: S301
