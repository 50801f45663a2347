"""What every client script shares: the server it talks to, and telling what it has seen.

A script tells each check that passed as a line of JSON on standard output and ends with `done`.
Whoever runs it counts the names, so a script that checks less than it should does not pass.
"""

import json
import os
import sys

URL = os.environ["LEDGER_URL"]
KEY = os.environ["LEDGER_KEY"]
WORKSPACE = os.environ["LEDGER_WORKSPACE"]
# The start of every secret. It must come back in no answer.
CANARY = os.environ["LEDGER_CANARY"]
# A key that is none.
WRONG_KEY = "sk_test_0000000000000000000000000000000000000000000"

# Clients that print would be taken for checks.
_out, sys.stdout = sys.stdout, sys.stderr
_told = set()


def secret(number):
    """Returns a secret of its own."""
    return f"{CANARY}-{number}-xy"


def check(name, condition, detail=None):
    """Tells that a check passed, or ends the script. One name may have several conditions."""
    if not condition:
        sys.exit(f"check failed: {name}: {detail!r}")
    if name not in _told:
        _told.add(name)
        print(json.dumps({"check": name}), file=_out, flush=True)


def equal(name, seen, expected):
    """Checks that two values are equal."""
    check(name, seen == expected, f"{seen!r} instead of {expected!r}")


def silent(name, *answers):
    """Checks that no answer holds a secret, in whatever the client has made of it."""
    for answer in answers:
        check(name, CANARY not in repr(answer), "an answer holds a secret")


def expect_error(name, call, kind, status, accept=lambda error: True):
    """Checks that a call raises an error of a kind, with a status, and returns it."""
    try:
        answer = call()
    except kind as error:
        seen = getattr(error, "status_code", None)
        check(name, seen == status, f"status {seen} instead of {status}: {error!r}")
        check(name, accept(error), repr(error))
        silent(name, error, vars(error))
        return error
    return check(name, False, f"no error but {answer!r}")


def done():
    """Ends the list of checks."""
    print("done", file=_out, flush=True)
