"""Watches the bucket with nats-py, as a program that knows nothing of the ledger but its notifications.

Keeps what it is told in memory and leaves it in the file LEDGER_SEEN after each change, as JSON. It runs
until it is killed.
"""

import asyncio
import json
import os

import nats


async def main():
    client = await nats.connect(os.environ["LEDGER_URL"], max_reconnect_attempts=-1)
    bucket = await client.jetstream().key_value("ledger-connections")
    watcher = await bucket.watchall()
    entries, newest, revision = {}, None, 0
    while True:
        try:
            entry = await watcher.updates(timeout=1)
        except nats.errors.TimeoutError:
            continue
        if entry is None:
            continue
        assert entry.revision > revision, "revisions only grow"
        revision = entry.revision
        told = json.loads(entry.value)
        if told["incarnation"] != newest:
            # The ledger has another history now, and what is not told again is not in it.
            entries, newest = {}, told["incarnation"]
        if entry.operation in ("DEL", "PURGE"):
            entries.pop(entry.key, None)
        elif told.get("connection"):
            entries[entry.key] = told["connection"]["slug"]
        seen = os.environ["LEDGER_SEEN"]
        with open(seen + ".new", "w") as file:
            json.dump({"incarnation": newest, "slugs": sorted(entries.values())}, file)
        os.replace(seen + ".new", seen)


asyncio.run(main())
