"""The native API, with nothing but what Python brings: what runs scripts is tested with it."""

import json
import urllib.error
import urllib.request

from checks import KEY, URL, WORKSPACE, WRONG_KEY, check, done, equal, secret, silent

ROOT = f"{URL}/api/v1/workspaces/{WORKSPACE}/connections"


def ask(method, url, body=None, key=KEY):
    """Returns the status and the JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


status, made = ask("POST", ROOT, {"slug": "a", "provider": "x", "secrets": {"k": secret(1)}})
equal("a connection is created", status, 201)
status, listed = ask("GET", ROOT)
equal("connections are listed", status, 200)
check("connections are listed", "a" in json.dumps(listed), listed)
silent("secrets are masked", made, listed)
status, problem = ask("GET", f"{ROOT}/missing")
equal("a missing one is 404", (status, problem["status"]), (404, 404))
equal("a wrong key is 401", ask("GET", ROOT, key=WRONG_KEY)[0], 401)
done()
