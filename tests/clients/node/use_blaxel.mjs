// npm @blaxel/core: integration connections. It returns errors and raises none.

import {
  KEY, URL, WORKSPACE, WRONG_KEY, check, done, equal, secret, silent,
} from "./checks.mjs";

// It reads these once, when it is imported.
Object.assign(process.env, { BL_API_URL: `${URL}/v0`, BL_API_KEY: KEY, BL_WORKSPACE: WORKSPACE });
const blaxel = await import("@blaxel/core");

const MASK = "********";
const path = (connectionName) => ({ path: { connectionName } });
const list = async () => (await blaxel.listIntegrationConnections()).data;
const get = (name) => blaxel.getIntegrationConnection(path(name));
const put = (name, body) => blaxel.updateIntegrationConnection({ ...path(name), body });
const remove = (name) => blaxel.deleteIntegrationConnection(path(name));
const create = (body) => blaxel.createIntegrationConnection({ body });
const wish = (name, secrets = { apiKey: secret(1) }) => ({
  metadata: { name, displayName: `The ${name}`, labels: { team: "a" } },
  spec: { integration: "openai", config: { organization: "o1" }, secret: secrets, sandbox: false },
});

function refused(name, { error, response }, status) {
  equal(name, response.status, status);
  check(name, typeof error.error === "string" && error.error !== "", error);
  equal(name, error.code, status);
  silent("errors hold no secret", error);
}

equal("an empty list", await list(), []);
const made = await create(wish("main"));
equal("create answers 200", made.response.status, 200);
const { data: found } = await get("main");
equal("get tells what was made", found.metadata.displayName, "The main");
equal("get tells what was made", found.metadata.labels, { team: "a" });
equal("get tells what was made", found.spec.config, { organization: "o1" });
equal("get tells what was made", [found.spec.integration, found.spec.sandbox], ["openai", false]);
equal("secrets are masked", found.spec.secret, { apiKey: MASK });
silent("no secret comes back", made.data, found, await list());

found.metadata.displayName = "Renamed";
equal("what was read can be sent back", (await put("main", found)).response.status, 200);
const { data: changed } = await get("main");
equal("what was read can be sent back", changed.metadata.displayName, "Renamed");
equal("a mask sent back keeps the secret", changed.spec.secret, { apiKey: MASK });
await put("main", wish("main", { apiKey: MASK, other: secret(2) }));
equal("a secret is added", (await get("main")).data.spec.secret, { apiKey: MASK, other: MASK });
await put("main", wish("main", { other: MASK }));
equal("a secret left out is removed", (await get("main")).data.spec.secret, { other: MASK });

await create(wish("second"));
const names = (await list()).map((item) => item.metadata.name);
equal("the list has all, as they were made", names, ["main", "second"]);
const models = await blaxel.listIntegrationConnectionModels(path("main"));
equal("models are answered", models.response.status, 200);
const entry = await blaxel.getIntegration({ path: { integrationName: "openai" } });
equal("the catalogue is answered", entry.data.name, "openai");

refused("a taken name is 409", await create(wish("main")), 409);
refused("a missing name is 404", await get("nobody"), 404);
refused("a missing name is 404", await put("nobody", wish("nobody")), 404);
refused("a missing name is 404", await remove("nobody"), 404);
refused("a bad name is 400", await create(wish("Bad Name")), 400);
const wrong = { ...wish("wrong"), spec: { integration: "openai", config: { number: 1 } } };
refused("a bad setting is 400", await create(wrong), 400);

const gone = await remove("main");
equal("delete answers with the object", gone.data.metadata.name, "main");
silent("no secret comes back", gone.data);
refused("what is deleted is gone", await get("main"), 404);

blaxel.initialize({ apiKey: WRONG_KEY, workspace: WORKSPACE });
refused("a wrong key is 401", await get("second"), 401);
done();
