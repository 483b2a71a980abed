"""What people build themselves: a service that takes /v1/batch over HTTP and inserts its messages into PostgreSQL.

    python3 collect_service.py PORT UNIX_SOCKET_DIRECTORY USER WORKERS

Of its kind it is a fast one: uvloop, httptools and orjson, a statement that is prepared once and takes the batch as
arrays, a connection of its own for each request under way. It looks at as much of a message as inserting it takes,
checks the write key, and answers when the commit is durable.
"""

import asyncio
import base64
import os
import signal
import socket
import sys

import asyncpg
import httptools
import orjson
import uvloop

INSERT = """
INSERT INTO events (message_id, source, received, body)
SELECT id, $1, now(), body FROM unnest($2::text[], $3::jsonb[]) AS item (id, body)
ON CONFLICT DO NOTHING
"""
KEYS = {b"Basic " + base64.b64encode(b"wk_any:"): "web"}


def answer(status: str, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % (status.encode(), len(body))
    ) + body


TAKEN = answer("200 OK", b'{"success":true}')
UNKNOWN = answer("401 Unauthorized", b'{"success":false,"message":"unknown write key"}')
MALFORMED = answer("400 Bad Request", b'{"success":false,"message":"malformed"}')


class Connection(asyncio.Protocol):
    """One client; a request at a time."""

    def __init__(self, pool):
        self.pool = pool
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_message_begin(self):
        self.key = None
        self.parts = []

    def on_header(self, name, value):
        if name.lower() == b"authorization":
            self.key = value

    def on_body(self, part):
        self.parts.append(part)

    def on_message_complete(self):
        asyncio.get_running_loop().create_task(self.collect(b"".join(self.parts)))

    async def collect(self, body):
        source = KEYS.get(self.key)
        if source is None:
            return self.transport.write(UNKNOWN)
        try:
            messages = orjson.loads(body)["batch"]
            ids = [message["messageId"] for message in messages]
            bodies = [orjson.dumps(message).decode() for message in messages]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return self.transport.write(MALFORMED)
        async with self.pool.acquire() as database:
            await database.execute(INSERT, source, ids, bodies)
        self.transport.write(TAKEN)


async def serve(listener, directory, user):
    pool = await asyncpg.create_pool(
        host=directory, user=user, database="postgres", min_size=16, max_size=16
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(pool), sock=listener)
    await server.serve_forever()


def main():
    # Whoever starts it may have blocked signals, which processes inherit.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    port, directory, user, workers = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    children = []
    for _ in range(workers):
        # Each worker listens for itself, so that the kernel spreads the connections.
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
        child = os.fork()
        if child == 0:
            uvloop.run(serve(listener, directory, user))
            return
        listener.close()
        children.append(child)
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(child, signal.SIGTERM) for child in children])
    for child in children:
        os.waitpid(child, 0)


main()
