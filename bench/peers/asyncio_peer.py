#!/usr/bin/env python3
"""asyncio's streams, for socketserver-bench: lines come back.

    socketserver-bench --against 'asyncio=python3 bench/peers/asyncio_peer.py PORT'
"""

import asyncio
import sys


async def echo(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    async with server:
        await server.serve_forever()


asyncio.run(main())
