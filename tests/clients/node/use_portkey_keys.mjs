// npm portkey-ai: virtual keys and providers.

import { Portkey } from "portkey-ai";
import { KEY, URL, check, done, equal, expectError, secret, silent } from "./checks.mjs";

const portkey = new Portkey({ apiKey: KEY, baseURL: `${URL}/v1` });
const { virtualKeys: keys, providers } = portkey;

const empty = await keys.list();
equal("an empty list", [empty.object, empty.total, empty.data], ["list", 0, []]);

const made = await keys.create({
  name: "OpenAI, production",
  provider: "openai",
  key: secret(1),
  note: null,
  usage_limits: { credit_limit: 100 },
});
check("create tells id and slug", Boolean(made.id && made.slug), made);
const { slug } = made;

const found = await keys.retrieve({ slug });
equal("retrieve tells what was made", [found.id, found.slug], [made.id, slug]);
equal("retrieve tells what was made", [found.name, found.note], ["OpenAI, production", null]);
equal("retrieve tells what was made", [found.ai_provider_name, found.status], ["openai", "active"]);
equal("limits come back", [found.usage_limits.credit_limit, found.rate_limits], [100, []]);
check("the key is masked", found.masked_api_key?.includes("*"), found);
silent("no secret comes back", made, found, await keys.list());

await keys.update({ slug, name: "Renamed", note: "other" });
const changed = await keys.retrieve({ slug });
equal("update changes what it names", [changed.name, changed.note], ["Renamed", "other"]);
equal("update leaves the rest", changed.masked_api_key, found.masked_api_key);
equal("update leaves the rest", changed.usage_limits, found.usage_limits);

const listed = await providers.list({});
equal("a virtual key is a provider", [listed.total, listed.data[0].slug], [1, slug]);
const provider = await providers.create({
  name: "Provider",
  integration_id: made.id,
  rate_limits: { type: "requests", unit: "rpm", value: 30 },
});
equal("a provider is its integration", [provider.id, provider.slug], [made.id, slug]);
const shown = await providers.retrieve({ slug });
equal("a provider is its integration", [shown.integration_id, shown.name], [slug, "Provider"]);
equal("limits come back", shown.rate_limits[0].value, 30);
await providers.update({ slug, note: "as a provider" });
equal("update changes what it names", (await providers.retrieve({ slug })).note, "as a provider");
silent("no secret comes back", shown, listed);

const missing = { slug: "nobody" };
await expectError("a missing slug is 404", () => keys.retrieve(missing), 404);
await expectError("a missing slug is 404", () => keys.delete(missing), 404);
await expectError("a missing slug is 404", () => providers.retrieve(missing), 404);

await keys.create({ name: "Second", provider: "openai", key: secret(2), slug: "second" });
await keys.delete({ slug });
await expectError("what is deleted is gone", () => keys.retrieve({ slug }), 404);
await providers.delete({ slug: "second" });
await expectError("what is deleted is gone", () => providers.retrieve({ slug: "second" }), 404);
equal("what is deleted is gone", (await keys.list()).data, []);
done();
