"""Hears everything on a NATS server, with nats-py alone, and writes each message as a JSON line.

Run by sniffer.rs: sniffer.py, with LEDGER_URL and LEDGER_SEEN; ends when its standard input does.
"""

import asyncio
import base64
import json
import os
import sys

import nats


async def main():
    seen = open(os.environ["LEDGER_SEEN"], "w", encoding="utf-8")

    async def hear(message):
        line = {
            "subject": message.subject,
            "reply": message.reply,
            "headers": dict(message.headers or {}),
            "body": base64.b64encode(message.data).decode(),
        }
        print(json.dumps(line), file=seen, flush=True)

    connection = await nats.connect(os.environ["LEDGER_URL"])
    await connection.subscribe(">", cb=hear)
    await connection.flush()
    print("listening", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await connection.drain()


asyncio.run(main())
