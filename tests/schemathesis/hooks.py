"""What schemathesis must know of a ledger and cannot read in its description."""

import ipaddress
import itertools

import schemathesis

# Each request comes from an address of its own, as a trusted proxy would say it: ten wrong keys
# from one address are locked out, which is tested elsewhere, and would hide how a wrong key is
# answered.
ADDRESSES = itertools.count(int(ipaddress.IPv4Address("10.0.0.1")))


# Whole numbers that the ledger keeps digit for digit.
KEPT = 2**63


def whole(value):
    """Writes whole numbers without a point: 5.0 is an integer to JSON Schema, and not to us. A number
    of more digits than the ledger keeps is refused, and has a test of its own."""
    if isinstance(value, float) and value.is_integer() and abs(value) < KEPT:
        return int(value)
    if isinstance(value, int) and abs(value) >= KEPT:
        return KEPT - 1 if value > 0 else 1 - KEPT
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {name: whole(item) for name, item in value.items()}
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.headers is not None:
        case.headers["X-Forwarded-For"] = str(ipaddress.IPv4Address(next(ADDRESSES)))
        # A feed of server-sent events never ends; a page of it does.
        if case.path.endswith("/events"):
            case.headers["Accept"] = "application/json"
    if isinstance(case.body, (dict, list)):
        case.body = whole(case.body)
    # The one who asks would lock themselves out.
    if (case.path_parameters or {}).get("principal") == "admin":
        case.path_parameters["principal"] = "nobody"
    # A wait that is well formed is kept short.
    wait = (case.query or {}).get("wait")
    if isinstance(wait, str) and wait[:-1].isdigit() and int(wait[:-1]) <= 60:
        case.query["wait"] = "0s"
