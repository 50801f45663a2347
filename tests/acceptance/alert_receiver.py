"""Receives alerts, and checks each with the published library of the Standard Webhooks convention.

    alert_receiver.py PORT FILE SECRET

For each request it appends a line of JSON to FILE, and only then answers. Some it does not take, as
receivers do at times, and some it hangs up on after they are written.
"""

import json
import random
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

PORT, FILE, SECRET = int(sys.argv[1]), sys.argv[2], sys.argv[3]
CHECK = Webhook(SECRET)


class Receiver(BaseHTTPRequestHandler):
    """Takes what is signed."""

    def do_POST(self):  # noqa: N802, a name of the library
        """Writes down what came."""
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            message = CHECK.verify(body, dict(self.headers))
        except Exception as error:  # whatever is wrong, the test is to see it
            self.note({"wrong": repr(error)})
            self.send_error(401)
            return
        dice = random.random()
        if dice < 0.05:
            self.send_error(503)
            return
        connection = message["data"].get("connection", {})
        self.note({
            "id": self.headers["webhook-id"],
            "type": message["type"],
            "slug": connection.get("slug"),
            "reason": connection.get("health", {}).get("reason"),
        })
        if dice < 0.1:
            self.connection.close()
            return
        self.send_response(204)
        self.end_headers()

    def note(self, line):
        """Appends a line at once, as several threads write."""
        with open(FILE, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def log_message(self, *_):
        """Says nothing."""


ThreadingHTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
