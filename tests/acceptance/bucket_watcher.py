"""Watches the bucket with nats-py, as a program that knows nothing of the ledger but its notifications.

Keeps what it is told in memory and leaves it in the file LEDGER_SEEN after each change, as JSON. It runs
until it is killed. With LEDGER_JS_PREFIX it is a user who may only fetch, from another account.
"""

import asyncio
import json
import os

import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

BUCKET = "ledger-connections"


async def watched(client):
    """Yields revision, key, operation and value of each change, as nats-py watches a bucket."""
    bucket = await client.jetstream().key_value(BUCKET)
    watcher = await bucket.watchall()
    while True:
        try:
            entry = await watcher.updates(timeout=1)
        except nats.errors.TimeoutError:
            continue
        if entry is not None:
            yield entry.revision, entry.key, entry.operation, entry.value


async def fetched(client, prefix):
    """The same with a reader that it fetches from, and that is made again whenever it has nothing."""
    jetstream, revision, keys = client.jetstream(prefix=prefix), 0, f"$KV.{BUCKET}."
    while True:
        start = {"deliver_policy": DeliverPolicy.LAST_PER_SUBJECT}
        if revision:
            start = {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": revision + 1}
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True, inactive_threshold=60, **start)
        try:
            reader = await jetstream.pull_subscribe(keys + ">", stream=f"KV_{BUCKET}", config=config)
        except nats.errors.Error:
            await asyncio.sleep(0.1)
            continue
        try:
            while True:
                for message in await reader.fetch(50, timeout=2):
                    revision = message.metadata.sequence.stream
                    operation = (message.headers or {}).get("KV-Operation")
                    yield revision, message.subject.removeprefix(keys), operation, message.data
        except nats.errors.Error:
            await reader.unsubscribe()


async def main():
    prefix, inbox = os.environ.get("LEDGER_JS_PREFIX"), os.environ.get("LEDGER_INBOX_PREFIX", "_INBOX")
    client = await nats.connect(os.environ["LEDGER_URL"], max_reconnect_attempts=-1, inbox_prefix=inbox.encode())
    changes = fetched(client, prefix) if prefix else watched(client)
    states, histories, last = {}, [], 0
    async for revision, key, operation, value in changes:
        assert revision > last, "revisions only grow"
        last = revision
        told = json.loads(value)
        if [told["incarnation"]] != histories[-1:]:
            # The ledger has another history now, and what is not told again is not in it.
            states = {}
            histories.append(told["incarnation"])
        if operation in ("DEL", "PURGE"):
            states.pop(key, None)
        elif told.get("connection"):
            states[key] = told["connection"]
        seen = os.environ["LEDGER_SEEN"]
        with open(seen + ".new", "w") as file:
            json.dump({"states": states, "histories": histories}, file)
        os.replace(seen + ".new", seen)


asyncio.run(main())
