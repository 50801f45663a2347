"""What any NATS client can do with a ledger, done with nats-py alone.

Everything received is written to the file LEDGER_SEEN, so that it can be searched for the secret
that is sent here. Run by nats.rs: foreign_client.py life|bad-input
"""

import asyncio
import json
import os
import sys

import nats
import nats.errors
import nats.js.errors

URL, KEY = os.environ["LEDGER_URL"], os.environ["LEDGER_KEY"]
CANARY = os.environ["LEDGER_CANARY"]
PATIENCE = 20
SEEN = open(os.environ["LEDGER_SEEN"], "w", encoding="utf-8")
TYPES = ["connection_created", "secret_rotated", "marked_degraded", "connection_archived"]


def see(subject, headers, data):
    text = data.decode("utf-8", "replace")
    print(subject, json.dumps(dict(headers or {})), text, file=SEEN)
    SEEN.flush()


class Ledger:
    def __init__(self, connection):
        self.nats = connection

    async def send(self, subject, body, headers=None, key=KEY):
        """Sends one request; returns the reply's headers and body."""
        sent = dict(headers or {})
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = await self.nats.request(subject, payload, timeout=PATIENCE, headers=sent or None)
        see(reply.subject, reply.headers, reply.data)
        return dict(reply.headers or {}), json.loads(reply.data)

    async def command(self, verb, body, headers=None, workspace="default"):
        headers, receipt = await self.send(f"ledger.cmd.{workspace}.{verb}", body, headers)
        assert "Ledger-Error-Code" not in headers, (verb, headers, receipt)
        return headers, receipt

    async def ask(self, name, body, workspace="default"):
        headers, answer = await self.send(f"ledger.query.{workspace}.{name}", body)
        assert "Ledger-Error-Code" not in headers, (name, headers, answer)
        return answer

    async def refused(self, code, subject, body, headers=None, key=KEY):
        """Sends one request that must be refused, in headers and body alike."""
        headers, answer = await self.send(subject, body, headers, key)
        error = answer.get("error", {})
        what = (code, subject, headers, answer)
        assert error.get("code") == code, what
        assert headers.get("Ledger-Error-Code") == code, what
        assert headers.get("Nats-Service-Error") == error["message"], what
        assert 400 <= int(headers["Nats-Service-Error-Code"]) < 600, what
        assert error["hint"] and error["class"] and error["retry"] in (True, False), what
        return error


async def life(ledger):
    watch = await watch_bucket(ledger.nats)
    made = {}
    for number in range(5):
        body = {"slug": f"c-{number}", "provider": "openai", "secrets": {"api_key": f"{CANARY}-{number}"}}
        about = {"Ledger-Command-Id": f"make-{number}", "Ledger-Correlation-Id": "import-1"}
        _, receipt = await ledger.command("create", body, about)
        assert receipt["version"] == 1, receipt
        again_headers, again = await ledger.command("create", body, about)
        assert again == receipt and again_headers["Ledger-Repeated"] == "true", again
        made[receipt["connection"]] = receipt
    rotated = {"connection": "c-1", "secrets": {"api_key": f"{CANARY}-new"}}
    await ledger.command("rotate-secret", rotated, {"Ledger-Expected-Version": "1"})
    await ledger.command("mark-degraded", {"connection": "c-2", "reason": "slow"})
    await ledger.command("archive", {"connection": "c-3"})
    listed = await ledger.ask("list", {"page_size": 2, "sort": "name"})
    assert listed["total"] == 4 and len(listed["connections"]) == 2, listed
    shown = await ledger.ask("get", {"connection": "c-1"})
    assert shown["secrets"]["api_key"]["generation"] == 2, shown
    told = await ledger.ask("history", {"correlation_id": "import-1"})
    assert told["total"] == 5, told
    head = (await ledger.ask("status", {}))["position"]
    await consume(ledger.nats, head)
    await follow(watch, made, head)
    await put_is_refused(ledger, next(iter(made)))
    await is_a_service(ledger.nats)


async def consume(connection, head):
    """Reads the event stream from its start."""
    jetstream = connection.jetstream()
    events = await jetstream.subscribe("ledger.events.>", stream="LEDGER_EVENTS", ordered_consumer=True)
    ids, types = set(), set()
    for position in range(1, head + 1):
        message = await events.next_msg(timeout=PATIENCE)
        see(message.subject, message.headers, message.data)
        body, headers = json.loads(message.data), message.headers
        assert message.metadata.sequence.stream == position, "the stream has a gap"
        assert body["position"] == position == body["event"]["position"], body
        assert int(headers["Ledger-Position"]) == position, headers
        assert headers["Ledger-Incarnation"] == body["incarnation"] != "", headers
        assert headers["ce-specversion"] == "1.0" and headers["ce-source"].startswith("/"), headers
        assert headers["ce-type"] == f"connledger.{body['event']['type']}.v1", headers
        assert headers["ce-id"] == body["event"]["event_id"], headers
        assert headers["ce-time"] == body["event"]["recorded_at"], headers
        assert headers["content-type"] == "application/json", headers
        assert headers["ce-id"] not in ids, headers
        ids.add(headers["ce-id"])
        types.add(body["event"]["type"])
        if "connection" in body:
            assert message.subject == f"ledger.events.default.{body['connection']['id']}"
    assert types.issuperset(TYPES), types
    await events.unsubscribe()


async def watch_bucket(connection):
    bucket = await connection.jetstream().key_value("ledger-connections")
    return await bucket.watchall()


async def follow(watch, made, head):
    """Reads the watch, begun before the first command, until it has come to the head."""
    states = {}
    while True:
        entry = await watch.updates(timeout=PATIENCE)
        if entry is None:
            continue
        see(f"$KV.{entry.bucket}.{entry.key}", {}, entry.value)
        body = json.loads(entry.value)
        if "connection" in body:
            before = states.get(entry.key, {}).get("version", 0)
            # The bucket keeps the latest state; one that is followed at once may not be told.
            assert body["connection"]["version"] > before, (before, body)
            states[entry.key] = body["connection"]
        if body["position"] == head:
            break
    assert states.keys() == {f"default.{connection}" for connection in made}, states
    assert sorted(state["version"] for state in states.values()) == [1, 1, 2, 2, 2], states
    await watch.stop()


async def put_is_refused(ledger, connection):
    """The bucket is the ledger's to fill."""
    bucket = await ledger.nats.jetstream().key_value("ledger-connections")
    key = f"default.{connection}"
    before = await bucket.get(key)
    for name in (key, "default.intruder"):
        try:
            await asyncio.wait_for(bucket.put(name, b"{}"), 2)
        except (asyncio.TimeoutError, nats.errors.Error, nats.js.errors.Error) as error:
            see("put", {}, type(error).__name__.encode())
        else:
            raise AssertionError("a put was taken")
    # An event that the ledger did not send is not taken either.
    try:
        await asyncio.wait_for(ledger.nats.jetstream().publish(f"ledger.events.{key}", b"{}"), 2)
    except (asyncio.TimeoutError, nats.errors.Error, nats.js.errors.Error) as error:
        see("publish", {}, type(error).__name__.encode())
    else:
        raise AssertionError("a foreign event was taken")
    after = await bucket.get(key)
    assert (after.revision, after.value) == (before.revision, before.value)


async def is_a_service(connection):
    """The tools for NATS services find the ledger."""
    for verb, kind in (("PING", "ping"), ("INFO", "info"), ("STATS", "stats")):
        reply = await connection.request(f"$SRV.{verb}", b"", timeout=PATIENCE)
        see(f"$SRV.{verb}", reply.headers, reply.data)
        body = json.loads(reply.data)
        assert body["type"] == f"io.nats.micro.v1.{kind}_response", body
        assert body["name"] and body["id"] and body["version"], body
        if verb != "PING":
            assert any("ledger.cmd" in point["subject"] for point in body["endpoints"]), body
    named = await connection.request(f"$SRV.PING.{body['name']}.{body['id']}", b"", timeout=PATIENCE)
    see("$SRV.PING", named.headers, named.data)
    requests = sum(point["num_requests"] for point in body["endpoints"])
    assert requests > 10, body


def bad_input():
    """Every way to be wrong: code, subject, body, headers."""
    create, ask = "ledger.cmd.default.create", "ledger.query.default"
    good = {"provider": "openai"}
    yield from [
        ("verb_unknown", "ledger.cmd.default.explode", {}, {}),
        ("verb_unknown", "ledger.query.default.sum", {}, {}),
        ("verb_unknown", "ledger.admin.explode", {}, {}),
        ("subject_malformed", "ledger.cmd.default.create.now", {}, {}),
        ("subject_malformed", "ledger.cmd.create", {}, {}),
        ("subject_malformed", "ledger.cmd.UPPER.create", good, {}),
        ("workspace_unknown", "ledger.cmd.nowhere.create", good, {}),
        ("workspace_unknown", "ledger.query.nowhere.list", {}, {}),
        ("body_malformed", create, b"", {}),
        ("body_malformed", create, b"{", {}),
        ("body_malformed", create, b"\xff\xfe{}", {}),
        ("body_malformed", create, b"[" * 100_000, {}),
        ("body_malformed", create, CANARY.encode(), {}),
        ("body_malformed", create, [good], {}),
        ("body_malformed", create, {"provider": 5}, {}),
        ("body_malformed", create, {**good, CANARY: 1}, {}),
        ("body_malformed", create, {**good, "secrets": {"k": [CANARY]}}, {}),
        ("field_invalid", create, {"provider": ""}, {}),
        ("field_invalid", create, {**good, "slug": f"{CANARY} {CANARY}"}, {}),
        ("field_invalid", create, {**good, "slug": "a.b"}, {}),
        ("field_invalid", create, {**good, "environment": CANARY}, {}),
        ("field_invalid", create, {**good, "display_name": "a\nb"}, {}),
        ("field_invalid", create, {**good, "secrets": {"k": "x" * 40_000}}, {}),
        ("record_too_large", create, {**good, "config": {"a": "x" * 70_000}}, {}),
        ("slug_taken", create, {**good, "slug": "MAIN"}, {}),
        ("version_conflict", "ledger.cmd.default.disable", {"connection": "main"}, {"Ledger-Expected-Version": "9"}),
        ("connection_unknown", "ledger.cmd.default.disable", {"connection": "nobody"}, {}),
        ("connection_unknown", f"{ask}.get", {"connection": "nobody"}, {}),
        ("body_malformed", f"{ask}.list", {"colour": 1}, {}),
        ("field_invalid", f"{ask}.list", {"page_size": 0}, {}),
        ("cursor_invalid", f"{ask}.list", {"cursor": "?"}, {}),
        ("deadline_expired", create, good, {"Ledger-Deadline": "2020-01-01T00:00:00Z"}),
        ("header_invalid", create, good, {"Ledger-Deadline": "soon"}),
        ("header_invalid", create, good, {"Ledger-Expected-Version": "-1"}),
        ("header_invalid", create, good, {"Ledger-Expected-Version": "newest"}),
        ("header_invalid", create, good, {"Ledger-Command-Id": "x" * 129}),
        ("header_invalid", create, good, {"Ledger-Correlation-Id": "x" * 129}),
        ("projection_unknown", "ledger.admin.replay", {"projection": "tea"}, {}),
        ("body_malformed", "ledger.admin.replay", {"now": True}, {}),
    ]


async def refuse_bad_input(ledger):
    await ledger.command("create", {"slug": "main", "provider": "openai"}, {"Ledger-Command-Id": "main"})
    for code, subject, body, headers in bad_input():
        await ledger.refused(code, subject, body, headers)
    reused = {"slug": "other", "provider": "openai"}
    await ledger.refused("command_id_reused", "ledger.cmd.default.create", reused, {"Ledger-Command-Id": "main"})
    for subject in ("ledger.cmd.default.create", "ledger.query.default.list", "ledger.admin.replay"):
        await ledger.refused("credential_missing", subject, {}, key=None)
        await ledger.refused("credential_invalid", subject, {}, key=f"sk_test_{CANARY}")
        await ledger.refused("credential_invalid", subject, {}, {"Authorization": "Basic eDp5"}, key=None)
    # Nobody unknown is told what else is wrong.
    await ledger.refused("credential_missing", "ledger.cmd.default.explode", b"{", key=None)
    try:
        await ledger.send("ledger.cmd.default.create", b"x" * (1024 * 1024 + 1))
    except nats.errors.MaxPayloadError as error:
        see("too large", {}, type(error).__name__.encode())
    else:
        raise AssertionError("a message over 1 MiB was taken")
    # Just below the limit it is the ledger that answers.
    body = {"provider": "openai", "description": "x" * (1024 * 1024 - 1_000)}
    await ledger.refused("field_invalid", "ledger.cmd.default.create", body)
    listed = await ledger.ask("list", {})
    assert listed["total"] == 1, listed


async def main():
    async def quiet(error):
        see("error", {}, type(error).__name__.encode())

    connection = await nats.connect(URL, error_cb=quiet, connect_timeout=PATIENCE)
    ledger = Ledger(connection)
    parts = {"life": life, "bad-input": refuse_bad_input}
    await asyncio.wait_for(parts[sys.argv[1]](ledger), 120)
    await connection.close()


asyncio.run(main())
