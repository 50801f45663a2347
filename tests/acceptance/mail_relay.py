"""Takes mail with a server that is not ours, aiosmtpd, and writes it down.

    mail_relay.py PORT FILE MODE TLS CERTIFICATE KEY USER PASSWORD

For each mail it appends a line of JSON to FILE, and only then answers. MODE is a file whose text says how
it answers: `take`, `later` (451) or `never` (550). TLS is `starttls`, which it then demands, `smtps` or
`none`. It demands a login.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

PORT, FILE, MODE, TLS = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
CERTIFICATE, LOGIN = sys.argv[5:7], sys.argv[7:9]


def context():
    """Makes the TLS of the server."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*CERTIFICATE)
    return made


class Handler:
    """Takes mail as the mode says."""

    async def handle_DATA(self, server, session, envelope):  # noqa: N802, a name of the library
        """Writes down what came."""
        with open(MODE, encoding="utf-8") as file:
            mode = file.read().strip()
        answer = {"take": "250 OK", "later": "451 try later", "never": "550 no such user"}[mode]
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        line = {
            "answer": answer[:3],
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "id": mail["message-id"],
            "subject": mail["subject"],
            "headers": mail.keys(),
            "body": mail.get_content(),
            "tls": server.transport.get_extra_info("sslcontext") is not None,
            "user": bool(session.authenticated),
        }
        with open(FILE, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return answer


def login(_server, _session, _envelope, _mechanism, data):
    """Checks a login."""
    given = [data.login.decode(), data.password.decode()]
    return AuthResult(success=given == LOGIN, handled=False)


def server():
    """Makes the server of a connection."""
    more = {"auth_require_tls": TLS == "starttls"}
    if TLS == "starttls":
        more |= {"tls_context": context(), "require_starttls": True}
    return SMTP(
        Handler(), hostname="relay.test", authenticator=login, auth_required=True, **more
    )


async def main():
    """Serves until it is killed."""
    tls = context() if TLS == "smtps" else None
    loop = asyncio.get_running_loop()
    served = await loop.create_server(server, "127.0.0.1", PORT, ssl=tls)
    async with served:
        await served.serve_forever()


asyncio.run(main())
