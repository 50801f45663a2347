// npm @elevenlabs/elevenlabs-js: workspace auth connections. It parses answers strictly.

import { ElevenLabsClient } from "@elevenlabs/elevenlabs-js";
import {
  CANARY, KEY, URL, WRONG_KEY, check, done, equal, expectError, secret, silent,
} from "./checks.mjs";

const at = (apiKey) => new ElevenLabsClient({ apiKey, baseUrl: URL }).workspace.authConnections;
const client = at(KEY);
const ids = async () => (await client.list()).authConnections.map((item) => item.id);

const jwt = { issuer: "i", audience: "a", subject: "s", secretKey: secret(1) };
const tokenUrl = "https://example.com/token";
const needs = {
  oauth2_client_credentials: {
    clientId: "c",
    tokenUrl,
    clientSecret: secret(2),
    scopes: ["a", "b"],
    extraParams: { p: "1", q: "2" },
    basicAuthInHeader: true,
    customHeaders: { "X-Tenant": "t" },
  },
  basic_auth: { username: "u", password: secret(3) },
  bearer_auth: { token: secret(4) },
  oauth2_jwt: { ...jwt, tokenUrl, expirationSeconds: 600 },
  private_key_jwt: { ...jwt, algorithm: "RS512" },
  mtls: { clientCertificate: secret(5), clientKey: secret(6) },
  custom_header_auth: { headerName: "X-Key", token: secret(7) },
};
const create = (authType, more) =>
  client.create({ authType, name: authType, provider: "GitHub", ...needs[authType], ...more });

equal("an empty list", await ids(), []);
const made = [];
for (const [authType, fields] of Object.entries(needs)) {
  const answer = await create(authType);
  made.push(answer);
  equal("every type is created", [answer.authType, answer.name], [authType, authType]);
  for (const [field, value] of Object.entries(fields)) {
    const hidden = typeof value === "string" && value.startsWith(CANARY);
    if (hidden) equal("secrets are absent", answer[field], undefined);
    else equal("other fields come back", answer[field], value);
  }
  equal("a new one is active", [answer.status, answer.usedBy?.tools], ["active", []]);
}
const listed = (await client.list()).authConnections;
silent("no secret comes back", made, listed);
equal("the list tells what create told", listed, made);

const [oauth, basic, bearer] = made.map((answer) => answer.id);
const authType = "oauth2_client_credentials";
let changed = await client.update(oauth, { authType, provider: "GitLab", clientId: "c2" });
equal("update changes what it names", [changed.provider, changed.clientId], ["GitLab", "c2"]);
equal("update leaves the rest", [changed.tokenUrl, changed.scopes], [tokenUrl, ["a", "b"]]);
changed = await client.update(oauth, { authType, extraParams: { p: null, r: "3" } });
equal("a null takes a parameter out", changed.extraParams, { q: "2", r: "3" });
const fresh = { authType: "basic_auth", username: "u2", password: secret(8) };
changed = await client.update(basic, fresh);
equal("secrets are replaced", changed.username, "u2");
silent("no secret comes back", changed);

await expectError("a wrong key is 401", () => at(WRONG_KEY).list(), 401);
const token = { authType: "bearer_auth", token: secret(9) };
await expectError("a missing one is 404", () => client.update("ac-none", token), 404);
await expectError("a missing one is 404", () => client.delete("ac-none"), 404);
const places = (error) =>
  error.body.detail.every((item) => item.loc && item.msg && item.type) &&
  !JSON.stringify(error.body).includes(CANARY);
await expectError("another type is 422", () => client.update(oauth, token), 422, places);
const short = () => create("private_key_jwt", { expirationSeconds: 1 });
await expectError("a bad field is 422", short, 422, places);

await client.delete(bearer);
check("what is deleted is gone", !(await ids()).includes(bearer));
await expectError("what is deleted is gone", () => client.delete(bearer), 404);
done();
