// npm portkey-ai: integrations, their models and workspaces.

import { Portkey } from "portkey-ai";
import {
  CANARY, KEY, URL, WRONG_KEY, check, done, equal, expectError, secret, silent,
} from "./checks.mjs";

const client = new Portkey({ apiKey: KEY, baseURL: `${URL}/v1` }).integrations;
const stranger = new Portkey({ apiKey: WRONG_KEY, baseURL: `${URL}/v1` }).integrations;
const slugs = async (page) => (await client.list(page)).data.map((item) => item.slug);

const empty = await client.list();
equal("an empty list", [empty.object, empty.total, empty.data], ["list", 0, []]);

const made = await client.create({
  name: "Main",
  ai_provider_id: "openai",
  key: secret(1),
  slug: "main",
  description: "for tests",
  configurations: { openai_project: "p1" },
});
equal("create tells id and slug", made.slug, "main");
check("create tells id and slug", Boolean(made.id), made);

const found = await client.retrieve({ slug: "main" });
equal("retrieve tells what was made", [found.id, found.name], [made.id, "Main"]);
equal("retrieve tells what was made", found.ai_provider_id, "openai");
equal("retrieve tells what was made", [found.status, found.object], ["active", "integration"]);
equal("configurations come back", found.configurations.openai_project, "p1");
check("the key is masked", found.masked_key?.includes("*") && !("key" in found), found);
silent("no secret comes back", made, found, await client.list());

await client.create({
  name: "Azure",
  ai_provider_id: "azure-openai",
  slug: "azure",
  key: secret(2),
  configurations: {
    azure_resource_name: "r",
    azure_auth_mode: "entra",
    azure_deployment_config: [
      { azure_api_version: "2024-10-21", azure_deployment_name: "d", azure_model_slug: "gpt-4o" },
    ],
    azure_entra_tenant_id: "t",
    azure_entra_client_id: "c",
    azure_entra_client_secret: secret(3),
  },
});
const shown = await client.retrieve({ slug: "azure" });
const { configurations } = shown;
const masked = configurations.masked_azure_entra_client_secret;
check("sensitive settings are masked", !("azure_entra_client_secret" in configurations), shown);
check("sensitive settings are masked", masked?.includes("*"), shown);
equal("plain settings are not", configurations.azure_entra_client_id, "c");
const [deployment] = configurations.azure_deployment_config;
equal("plain settings are not", deployment.azure_deployment_name, "d");
silent("no secret comes back", shown);
await client.update({ slug: "azure", name: "Azure 2", configurations });
const again = await client.retrieve({ slug: "azure" });
equal("what was read can be sent back", again.name, "Azure 2");
equal("a mask sent back keeps the secret", again.configurations, configurations);

await client.update({ slug: "main", name: "Renamed", description: null });
const changed = await client.retrieve({ slug: "main" });
equal("update changes what it names", [changed.name, changed.description ?? null], ["Renamed", null]);
equal("update leaves the rest", changed.masked_key, found.masked_key);
equal("update leaves the rest", changed.configurations, found.configurations);
await client.update({ slug: "main", key: "another-key-98" });
const { masked_key: other } = await client.retrieve({ slug: "main" });
check("update replaces the key", other !== found.masked_key, other);

const wanted = [{ slug: "m-1", enabled: true }];
await client.models.update({ slug: "main", allow_all_models: false, models: wanted });
const models = await client.models.list({ slug: "main" });
equal("models are kept", models.models.map((m) => [m.slug, m.enabled]), [["m-1", true]]);
await client.models.delete({ slug: "main", slugs: "m-1" });
equal("models are deleted", (await client.models.list({ slug: "main" })).models, []);
await client.workspaces.update({ slug: "main", workspaces: [{ id: "default", enabled: true }] });
const { workspaces } = await client.workspaces.list({ slug: "main" });
equal("workspaces are kept", workspaces.map((w) => [w.id, w.enabled]), [["default", true]]);

await client.create({ name: "Third", ai_provider_id: "openai", slug: "third", key: secret(4) });
const whole = await slugs();
equal("the list has all", whole.length, 3);
const pages = [0, 1].map((current_page) => slugs({ current_page, page_size: 2 }));
equal("pages make up the list", (await Promise.all(pages)).flat(), whole);
equal("a page tells the total", (await client.list({ current_page: 1, page_size: 2 })).total, 3);
equal("a page past the end is empty", await slugs({ current_page: 9, page_size: 2 }), []);

const unknown = await expectError("a wrong key is 401", () => stranger.list(), 401);
check("errors say why", Boolean(unknown.error?.message), unknown);
await expectError("a missing slug is 404", () => client.retrieve({ slug: "nobody" }), 404);
const rename = { slug: "nobody", name: "x" };
await expectError("a missing slug is 404", () => client.update(rename), 404);
await expectError("a missing slug is 404", () => client.delete({ slug: "nobody" }), 404);
const wish = { name: "x", ai_provider_id: "openai", key: secret(5) };
const quiet = (error) => !JSON.stringify(error.error).includes(CANARY);
const create = (slug) => client.create({ ...wish, slug });
await expectError("a taken slug is 409", () => create("main"), 409, quiet);
await expectError("a bad body is 400", () => create("a b"), 400, quiet);

await client.delete({ slug: "main" });
await expectError("what is deleted is gone", () => client.retrieve({ slug: "main" }), 404);
equal("what is deleted is gone", (await slugs()).includes("main"), false);
done();
