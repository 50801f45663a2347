"""PyPI elevenlabs: workspace auth connections, every type that can be made."""

import elevenlabs.workspace.auth_connections.types as types
from checks import KEY, URL, WRONG_KEY, check, done, equal, expect_error, secret, silent
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.errors import UnprocessableEntityError

client = ElevenLabs(api_key=KEY, base_url=URL).workspace.auth_connections
stranger = ElevenLabs(api_key=WRONG_KEY, base_url=URL).workspace.auth_connections

# What each type needs, by the end of its class's name; secrets are recognized by their beginning.
JWT = {"issuer": "i", "audience": "a", "subject": "s", "secret_key": secret(1)}
NEEDS = {
    "Oauth2ClientCredentials": {
        "client_id": "c",
        "token_url": "https://example.com/token",
        "client_secret": secret(2),
        "scopes": ["a", "b"],
        "extra_params": {"p": "1", "q": "2"},
        "basic_auth_in_header": True,
        "custom_headers": {"X-Tenant": "t"},
    },
    "BasicAuth": {"username": "u", "password": secret(3)},
    "BearerAuth": {"token": secret(4)},
    "Oauth2Jwt": {**JWT, "token_url": "https://example.com/token", "expiration_seconds": 600},
    "PrivateKeyJwt": {**JWT, "algorithm": "HS512"},
    "Mtls": {"client_certificate": secret(5), "client_key": secret(6)},
    "CustomHeaderAuth": {"header_name": "X-Key", "token": secret(7)},
}
SECRET = {"client_secret", "password", "token", "secret_key", "client_certificate", "client_key"}


def create(kind, **more):
    body = getattr(types, f"AuthConnectionsCreateRequestBody_{kind}")
    fields = {"name": kind, "provider": "GitHub", **NEEDS[kind], **more}
    return client.create(request=body(**fields))


def update(identity, kind, **fields):
    body = getattr(types, f"AuthConnectionsUpdateRequestBody_{kind}")
    return client.update(identity, request=body(**fields))


def all_ids():
    return [item.id for item in client.list().auth_connections]


equal("an empty list", client.list().auth_connections, [])
made = {kind: create(kind) for kind in NEEDS}
for kind, answer in made.items():
    equal("every type is created", type(answer).__name__.split("_")[1], kind)
    equal("every type is created", (answer.name, answer.provider), (kind, "GitHub"))
    for field, value in NEEDS[kind].items():
        seen = getattr(answer, field, None)
        if field in SECRET:
            equal("secrets are absent", seen, None)
        else:
            equal("other fields come back", seen, value)
    equal("a new one is active", answer.status, "active")
    check("a new one is active", answer.used_by is not None and answer.used_by.tools == [], answer)
silent("no secret comes back", *made.values(), client.list())
jwt = made["Oauth2Jwt"]
equal("defaults are filled in", jwt.algorithm, "HS256")
equal("defaults are filled in", jwt.token_response_field, "access_token")
equal("defaults are filled in", made["PrivateKeyJwt"].expiration_seconds, 3600)
equal("the list has all, as they were made", all_ids(), [answer.id for answer in made.values()])
listed = {item.id: item for item in client.list().auth_connections}
for answer in made.values():
    equal("the list tells what create told", listed[answer.id].dict(), answer.dict())

oauth = made["Oauth2ClientCredentials"].id
changed = update(oauth, "Oauth2ClientCredentials", provider="GitLab", client_id="c2", scopes=["z"])
equal("update changes what it names", (changed.provider, changed.client_id), ("GitLab", "c2"))
equal("update changes what it names", changed.scopes, ["z"])
equal("update leaves the rest", changed.token_url, "https://example.com/token")
equal("update leaves the rest", changed.name, "Oauth2ClientCredentials")
equal("update leaves the rest", changed.basic_auth_in_header, True)
changed = update(oauth, "Oauth2ClientCredentials", extra_params={"p": None, "r": "3"})
equal("a null takes a parameter out", changed.extra_params, {"q": "2", "r": "3"})
changed = update(oauth, "Oauth2ClientCredentials", client_id=None)
equal("a null field leaves the value", changed.client_id, "c2")
basic = update(made["BasicAuth"].id, "BasicAuth", username="u2", password=secret(8))
equal("secrets are replaced", basic.username, "u2")
bearer = update(made["BearerAuth"].id, "BearerAuth", token=secret(9))
jwt = update(made["Oauth2Jwt"].id, "Oauth2Jwt", subject="s2", secret_key=secret(10))
equal("secrets are replaced", jwt.subject, "s2")
silent("no secret comes back", changed, basic, bearer, jwt)

expect_error("a wrong key is 401", stranger.list, ApiError, 401)
missing = lambda: update("ac-none", "BearerAuth", token="t")  # noqa: E731
expect_error("a missing one is 404", missing, ApiError, 404)
expect_error("a missing one is 404", lambda: client.delete("ac-none"), ApiError, 404)


def places(error):
    """Tells whether the error says where something is wrong, and not what was there."""
    detail = error.body["detail"]
    return bool(detail) and all({"loc", "msg", "type"} <= set(item) for item in detail)


expect_error(
    "another type is 422",
    lambda: update(oauth, "BearerAuth", token=secret(11)),
    UnprocessableEntityError,
    422,
    places,
)
expect_error(
    "a bad field is 422",
    lambda: create("PrivateKeyJwt", expiration_seconds=1),
    UnprocessableEntityError,
    422,
    places,
)
expect_error(
    "a bad field is 422",
    lambda: create("BearerAuth", name=""),
    UnprocessableEntityError,
    422,
    places,
)

many = [create("BearerAuth", name=f"many {number}").id for number in range(120)]
equal("a long list comes whole", all_ids()[-120:], many)
client.delete(oauth)
check("what is deleted is gone", oauth not in all_ids())
expect_error("what is deleted is gone", lambda: client.delete(oauth), ApiError, 404)
done()
