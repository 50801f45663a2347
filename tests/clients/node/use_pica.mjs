// npm @picahq/toolkit and @picahq/ai: both only list. What they list is made over plain HTTP, as no
// published client makes, reads, changes or deletes one.

import { createRequire } from "node:module";
import { Pica as Toolkit } from "@picahq/toolkit";
import {
  KEY, URL, WRONG_KEY, check, done, equal, expectError, secret, silent,
} from "./checks.mjs";

const { Pica: Agent } = createRequire(import.meta.url)("@picahq/ai");
const ROOT = `${URL}/v1/vault/connections`;
const TOTAL = 230;

async function ask(method, url, body, key = KEY) {
  const headers = { "x-pica-secret": key, "content-type": "application/json" };
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, text, json: text && JSON.parse(text) };
}

const create = (more) =>
  ask("POST", ROOT, {
    connectionDefinitionId: "conn_def::openai",
    platform: "openai",
    authFormData: { apiKey: secret(1) },
    active: true,
    ...more,
  });
const toolkit = (options) => new Toolkit(KEY, { serverUrl: URL, connectors: ["*"], ...options });
const agent = (options) => new Agent(KEY, { serverUrl: URL, connectors: ["*"], ...options });
const keys = (rows) => rows.map((row) => row.key);

equal("an empty list", await toolkit().getConnectedIntegrations(), []);
const made = await create({ identity: "user-1", identityType: "user", name: "Main", tags: ["a"] });
equal("create answers 200", made.status, 200);
const first = made.json;
equal("create answers with the object", [first.platform, first.name], ["openai", "Main"]);
equal("create answers with the object", [first.identity, first.identityType], ["user-1", "user"]);
equal("create answers with the object", [first.tags, first.active], [["a"], true]);
const form = /^(test|live)::openai::default::[0-9a-f]{32}\|user-1$/;
check("keys have their form", form.test(first.key), first.key);
equal("keys have their form", first.key.split("::")[0], first.environment);
equal("a new one is operational", first.state, "operational");
check("times have microseconds", /T.*\.\d{6}Z$/.test(first.createdAt), first.createdAt);

const shown = await ask("GET", `${ROOT}/${first.id}`);
equal("get tells what was made", shown.json, first);
silent("no secret comes back", made.text, shown.text);

for (let number = 1; number < TOTAL; number += 1) {
  const platform = number % 2 ? "slack" : "openai";
  const answer = await create({ platform, connectionDefinitionId: `conn_def::${platform}` });
  equal("create answers 200", answer.status, 200);
}
const rows = await toolkit().getConnectedIntegrations();
equal("the toolkit goes through all pages", rows.length, TOTAL);
equal("the toolkit goes through all pages", new Set(keys(rows)).size, TOTAL);
equal("lists are in order", rows[0].id, first.id);
silent("no secret comes back", rows);
const other = agent();
const prompt = await other.waitForInitialization();
equal("the agent goes through all pages", keys(other.connections), keys(rows));
check("the agent tells each key", keys(rows).every((key) => prompt.includes(`Key: ${key}`)));
const platform = (await agent().getAvailableConnectors("slack")).length;
equal("a platform filters", platform, TOTAL / 2);
const tools = await toolkit().tools().listPicaConnections.execute({});
equal("the toolkit reads every key", tools.length, TOTAL);
equal("the toolkit reads every key", tools[0].key.parts.identity, "user-1");

const some = [rows[0].key, rows[150].key];
equal("keys filter", keys(await toolkit({ connectors: some }).getConnectedIntegrations()), some);
const chosen = agent({ connectors: some });
await chosen.waitForInitialization();
equal("keys filter", keys(chosen.connections), some);
const mine = { identity: "user-1", identityType: "user" };
equal("an identity filters", keys(await toolkit(mine).getConnectedIntegrations()), [first.key]);
const theirs = agent(mine);
await theirs.waitForInitialization();
equal("an identity filters", keys(theirs.connections), [first.key]);
const last = await ask("GET", `${ROOT}?limit=100&page=3`);
const { total, pages, page } = last.json;
equal("a page tells where it is", [total, pages, page, last.json.rows.length], [TOTAL, 3, 3, 30]);
equal("a page past the end is empty", (await ask("GET", `${ROOT}?page=99`)).json.rows, []);
equal("tags filter", (await ask("GET", `${ROOT}?tags=a,b`)).json.total, 1);

const changed = await ask("PATCH", `${ROOT}/${first.id}`, { tags: ["b", "c"] });
equal("patch replaces the tags", [changed.status, changed.json.tags], [200, ["b", "c"]]);
equal("patch leaves the rest", [changed.json.name, changed.json.key], ["Main", first.key]);
const hidden = await create({ active: false });
equal("inactive ones are hidden", (await toolkit().getConnectedIntegrations()).length, TOTAL);
const inactive = await ask("GET", `${ROOT}?active=false`);
check("inactive ones can be asked for", keys(inactive.json.rows).includes(hidden.json.key));

await expectError("a wrong key is 401", () =>
  new Toolkit(WRONG_KEY, { serverUrl: URL, connectors: ["*"] }).getConnectedIntegrations(), 401);
const missing = await ask("GET", `${ROOT}/00000000-0000-4000-8000-000000000000`);
equal("a missing one is 404", [missing.status, missing.json.status], [404, 404]);
const bad = await create({ identity: "x".repeat(129) });
equal("a bad body is 400", bad.status, 400);
silent("errors hold no secret", bad.text);

const gone = await ask("DELETE", `${ROOT}/${first.id}`);
equal("delete answers with nothing", [gone.status, gone.text], [200, ""]);
equal("what is deleted is gone", (await ask("GET", `${ROOT}/${first.id}`)).status, 404);
equal("what is deleted is gone", (await toolkit().getConnectedIntegrations()).length, TOTAL - 1);
done();
