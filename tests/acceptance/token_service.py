"""A token service made with the published library Authlib, for the tests of tokens.

    token_service.py PORT CANARY PUBLIC_KEY

Every token and code begins with CANARY. PUBLIC_KEY is a file with the key of the client `signer`. The
person who signs in is whoever the link says (`login=anna`), and `deny=1` refuses. A device code is
permitted by `POST /permit`, and denied by `POST /deny`, with the user code. What was given out to
whom is answered by `GET /issued`.
"""

import os
import sys
import threading
import time

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.common.security import generate_token
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeMixin,
    ClientMixin,
    OAuth2Error,
    TokenMixin,
    grants,
    list_to_scope,
    scope_to_list,
)
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion, JWTBearerGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import (
    DEVICE_CODE_GRANT_TYPE,
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    DeviceCredentialDict,
)
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import Flask, jsonify, request

PORT, CANARY = int(sys.argv[1]), sys.argv[2]
with open(sys.argv[3], encoding="utf-8") as file:
    PUBLIC_KEY = file.read()
ISSUER = f"http://127.0.0.1:{PORT}"
# One request at a time, so that what is kept needs no other lock.
LOCK = threading.Lock()
TOKENS, CODES, DEVICES = [], {}, {}
SEEN_IDS = set()
POLLED = {}


def value(*_args, **_kwargs):
    """A token or code of its own."""
    return f"{CANARY}-{generate_token(24)}"


class Client(ClientMixin):
    """A client that is registered."""

    def __init__(self, client_id, secret, method, grant_types):
        self.client_id, self.secret, self.method = client_id, secret, method
        self.grant_types = grant_types

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return list_to_scope([one for one in scope_to_list(scope or "") if one in ("read", "write")])

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri.startswith("http://127.0.0.1:") and redirect_uri.endswith(
            "/oauth/callback"
        )

    def check_client_secret(self, client_secret):
        return self.secret == client_secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method == self.method

    def check_response_type(self, response_type):
        return response_type == "code" and "authorization_code" in self.grant_types

    def check_grant_type(self, grant_type):
        return grant_type in self.grant_types


PERSONAL = ["authorization_code", "refresh_token", DEVICE_CODE_GRANT_TYPE]
BEARER = JWTBearerGrant.GRANT_TYPE
CLIENTS = {
    one.client_id: one
    for one in [
        Client("app", f"{CANARY}-1-xy", "client_secret_basic", PERSONAL),
        Client("public", None, "none", PERSONAL),
        Client("machine", f"{CANARY}-1-xy", "client_secret_post", ["client_credentials"]),
        Client("signer", None, "client_assertion_jwt", ["client_credentials"]),
        Client("bearer", None, "none", [BEARER]),
    ]
}


class Token(TokenMixin):
    """A token that was given out."""

    def __init__(self, user, client, given):
        self.user, self.client, self.given = user, client, given
        self.revoked = False

    def check_client(self, client):
        return client.client_id == self.client.client_id

    def get_scope(self):
        return self.given.get("scope", "")

    def get_expires_in(self):
        return self.given["expires_in"]

    def is_expired(self):
        return False

    def is_revoked(self):
        return self.revoked

    def get_user(self):
        return self.user

    def get_client(self):
        return self.client


class AuthorizationCode(AuthorizationCodeMixin):
    """A code, and for what it was given out."""

    def __init__(self, sent, user):
        data = sent.payload.data
        self.client_id, self.user = sent.client.client_id, user
        self.redirect_uri, self.scope = sent.payload.redirect_uri, sent.payload.scope
        self.code_challenge = data.get("code_challenge")
        self.code_challenge_method = data.get("code_challenge_method")

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "none"]

    def generate_authorization_code(self):
        return value()

    def save_authorization_code(self, code, request):
        CODES[code] = AuthorizationCode(request, request.user)

    def query_authorization_code(self, code, client):
        found = CODES.get(code)
        return found if found and found.client_id == client.client_id else None

    def delete_authorization_code(self, authorization_code):
        for code in [code for code, one in CODES.items() if one is authorization_code]:
            del CODES[code]

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "none"]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token):
        for one in TOKENS:
            if one.given.get("refresh_token") == refresh_token and not one.revoked:
                return one
        return None

    def authenticate_user(self, refresh_token):
        return refresh_token.user

    def revoke_old_credential(self, refresh_token):
        refresh_token.revoked = True


class Assertions(JWTBearerClientAssertion):
    def get_audiences(self):
        return [f"{ISSUER}/token"]

    def validate_jti(self, claims, jti):
        is_new = jti not in SEEN_IDS
        SEEN_IDS.add(jti)
        return is_new

    def resolve_client_public_key(self, client):
        return PUBLIC_KEY


class CredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_post", Assertions.CLIENT_AUTH_METHOD]


class BearerGrant(JWTBearerGrant):
    def get_audiences(self):
        return [f"{ISSUER}/token"]

    def resolve_issuer_client(self, issuer):
        return CLIENTS.get(issuer)

    def resolve_client_public_key(self, client):
        return PUBLIC_KEY

    def authenticate_user(self, subject):
        return subject

    def has_granted_permission(self, client, user):
        return True


class DeviceEndpoint(DeviceAuthorizationEndpoint):
    CLIENT_AUTH_METHODS = ["client_secret_basic", "none"]
    EXPIRES_IN = 60
    INTERVAL = 1

    def generate_device_code(self):
        return value()

    def get_verification_uri(self):
        return f"{ISSUER}/device"

    def save_device_credential(self, client_id, scope, data):
        data = {**data, "client_id": client_id, "scope": scope}
        data["expires_at"] = time.time() + data["expires_in"]
        DEVICES[data["device_code"]] = DeviceCredentialDict(data)


class DeviceGrant(DeviceCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "none"]

    def query_device_credential(self, device_code):
        return DEVICES.get(device_code)

    def query_user_grant(self, user_code):
        for one in DEVICES.values():
            if one["user_code"] == user_code and "permitted" in one:
                return one.get("user"), one["permitted"]
        return None

    def should_slow_down(self, credential):
        code = credential["device_code"]
        last, POLLED[code] = POLLED.get(code, 0), time.time()
        return POLLED[code] - last < 0.5


class Issuer(IssuerParameter):
    def get_issuer(self):
        return ISSUER


def save_token(token, sent):
    TOKENS.append(Token(sent.user, sent.client, token))


app = Flask("token_service")
server = AuthorizationServer(app, query_client=CLIENTS.get, save_token=save_token)
server.register_token_generator(
    "default",
    BearerTokenGenerator(
        access_token_generator=value,
        refresh_token_generator=value,
        expires_generator=lambda client, grant_type: 3600,
    ),
)
server.register_grant(CodeGrant, [CodeChallenge(required=True)])
for one in [RefreshGrant, CredentialsGrant, BearerGrant, DeviceGrant]:
    server.register_grant(one)
server.register_client_auth_method(Assertions.CLIENT_AUTH_METHOD, Assertions())
server.register_endpoint(DeviceEndpoint)
server.register_extension(Issuer())


@app.get("/authorize")
def authorize():
    """Asks nobody: the link says who signs in."""
    with LOCK:
        user = request.args.get("login", "anna")
        try:
            grant = server.get_consent_grant(end_user=user)
        except OAuth2Error as error:
            return dict(error.get_body()), error.status_code
        denied = request.args.get("deny")
        return server.create_authorization_response(
            grant_user=None if denied else user, grant=grant
        )


@app.post("/token")
def token():
    with LOCK:
        return server.create_token_response()


@app.post("/device_authorization")
def device_authorization():
    with LOCK:
        return server.create_endpoint_response(DeviceEndpoint.ENDPOINT_NAME)


@app.post("/permit")
@app.post("/deny")
def permit():
    """A person enters a user code."""
    with LOCK:
        for one in DEVICES.values():
            if one["user_code"] == request.form["user_code"]:
                one["user"], one["permitted"] = "anna", request.path == "/permit"
                return "", 204
    return "", 404


@app.get("/issued")
def issued():
    with LOCK:
        return jsonify([
            {"user": one.user, "client": one.client.client_id, **one.given} for one in TOKENS
        ])


app.run("127.0.0.1", PORT, threaded=True)
