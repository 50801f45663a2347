// Time and proof in the console: the past of connections, undoing, and what a browser checks by
// itself; and the keys of principals.

import { URL as SERVER, WORKSPACE, check, done, equal, secret } from "./checks.mjs";
import { ask, context, end, lookAt, signIn } from "./visit.mjs";

const CONNECTIONS = `/workspaces/${WORKSPACE}/connections`;

// Three connections; one of them is rotated and changed.
const ids = {};
for (const slug of ["main", "side", "late"]) {
  const made = await ask("POST", CONNECTIONS, {
    slug, provider: "openai", secrets: { api_key: secret(1) }, labels: { team: "a" },
  });
  ids[slug] = made.id;
}
const change = (slug, body) => ask("PATCH", `${CONNECTIONS}/${slug}`, body);
await change("main", { description: "the second" });
const { position } = await ask("GET", `/status`);
await change("main", { description: "the third", labels: { team: "b" } });
await ask("POST", `${CONNECTIONS}/main/rotate-secret`, { secrets: { api_key: secret(2) } });
await change("side", { description: "changed" });
await ask("POST", `${CONNECTIONS}/main/link-dependent`, { kind: "tool", id: "t-1" });
const main = `${CONNECTIONS}/${ids.main}`;

const people = await context();
const page = await people.newPage();
await signIn(page);

// The whole workspace at a moment: before anything was there, and at a position.
await page.goto(`${SERVER}/connections`);
const slider = page.getByLabel("Move through time");
await slider.focus();
equal("the slider tells where it is", await slider.getAttribute("aria-valuetext"), "Now");
await page.keyboard.press("Home");
const field = await page.getByLabel("As of (UTC)").inputValue();
check("the slider fills in the field", /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(field), field);
await page.keyboard.press("Enter");
await page.waitForURL(/as_of=/);
await page.getByText("This is the past").waitFor();
equal("the slider is moved with the keyboard",
  await page.locator("#total").textContent(), "0 connections");
await page.goto(`${SERVER}/connections?as_of=${position}`);
equal("a list is of a moment", await page.locator("#total").textContent(), "3 connections");
await page.getByRole("link", { name: "main", exact: true }).click();
await page.getByRole("heading", { level: 1, name: "main, version 2" }).waitFor();
check("and leads to connections of that moment", page.url().endsWith("/then?as_of=v2"));

// One connection as it was, from version to version.
check("what has changed since is told",
  (await page.locator("#since").textContent()).includes("Secrets: api_key"));
const told = page.locator("[data-slider] output");
check("the slider of a connection stops at its versions",
  (await told.textContent()).startsWith("v2 "), await told.textContent());
await page.getByLabel("Move through time").focus();
await page.keyboard.press("ArrowLeft");
await page.keyboard.press("Enter");
await page.getByRole("heading", { level: 1, name: "main, version 1" }).waitFor();
check("and is moved from one to the next", page.url().endsWith("as_of=v1"));
await page.getByRole("link", { name: "Compare side by side" }).click();
const row = page.getByRole("row", { name: /Labels: team/ });
equal("versions stand side by side",
  await row.getByRole("cell").allTextContents(), ["a", "b"]);
await page.getByText(/What is the same/).click();
check("with what they have in common",
  (await page.locator("details.more").textContent()).includes("Provider"));

// What changed between two moments.
await page.goto(`${SERVER}/changes?from=${position}`);
equal("changes between moments are listed",
  (await page.locator("tbody .name").allTextContents()).sort(), ["main", "side"]);

// A plan, of which one step meets a change that was made since.
await page.goto(`${SERVER}/undo?as_of=${position}`);
const step = page.getByRole("row", { name: /main/ });
const cells = await step.getByRole("cell").allTextContents();
check("a plan says what is done and comes back, what stays, and whom it affects",
  cells[1].includes("version 2") && cells[2].includes("Description")
    && cells[3].includes("dependents") && cells[4].includes("1 dependent"), cells);
await change("side", { description: "changed by somebody else" });
await page.getByRole("button", { name: "Apply what is ticked" }).click();
await page.getByText("1 connection of 2").waitFor();
const side = await page.getByRole("row", { name: /side/ }).textContent();
check("a change since the plan is refused", side.includes("version_conflict"), side);
const undone = await ask("GET", `${CONNECTIONS}/main`);
equal("the others are brought back", [undone.description, undone.labels.team], ["the second", "a"]);
await page.reload();
await page.getByText("1 connection of 2").waitFor();
equal("a plan that is sent again does nothing twice",
  (await ask("GET", `${CONNECTIONS}/main`)).version, undone.version);
await page.getByRole("link", { name: "What was recorded" }).click();
await page.locator("#total", { hasText: "1 event" }).waitFor();
check("what an undo did is one conversation", page.url().includes("correlation_id="));

// A proof, which the browser checks, and what does not hold.
await page.goto(`${SERVER}/proof?position=3`);
const verdict = page.locator("#checks-verdict");
await verdict.getByText("The event is in the log that was signed with this key.").waitFor();
equal("a browser checks entry, tree and signature",
  await page.locator("#checks-list .badge").allTextContents(), ["Holds", "Holds", "Holds"]);
const falsify = async (id, from, to) => {
  await page.goto(`${SERVER}/proof?position=3`);
  await verdict.getByText("The event is in the log").waitFor();
  await page.evaluate(([place, one, other]) => {
    const text = document.getElementById(place);
    const part = text.value === undefined ? "textContent" : "value";
    text[part] = text[part].replace(new RegExp(one), other);
    document.getElementById("log-key").dispatchEvent(new Event("change"));
  }, [id, from, to]);
  await verdict.getByText("The proof does not hold.").waitFor();
  return page.locator("#checks-list .badge").allTextContents();
};
equal("an altered entry does not hold",
  await falsify("proof-entry", "[0-9a-f]{8}$", "00000000"), ["Holds", "Does not hold", "Holds"]);
equal("another position does not hold",
  await falsify("proof-text", "index 2", "index 1"), ["Does not hold", "Does not hold", "Holds"]);
equal("an altered checkpoint does not hold",
  await falsify("proof-text", "\\n(\\d+)\\n([^\\n]{44})\\n\\n\u2014", "\n9$1\n$2\n\n\u2014"),
  ["Holds", "Does not hold", "Does not hold"]);
equal("another key does not hold",
  await falsify("log-key", "\\+[0-9a-f]{8}\\+", "+00000000+"), ["Holds", "Holds", "Does not hold"]);
const [download] = await Promise.all([
  page.waitForEvent("download"), page.getByRole("link", { name: "Download the proof" }).click(),
]);
equal("a proof is kept as a file", download.suggestedFilename(), "event-3.proof");

// A principal and its key.
await page.goto(`${SERVER}/access`);
await page.getByRole("link", { name: "New principal" }).click();
await page.getByLabel("Name required").fill("ci");
await page.getByLabel("Kind").selectOption("service");
await page.getByLabel("Role").selectOption("viewer");
await page.getByRole("button", { name: "Create" }).click();
await page.getByText("Created. It opens nothing before it has a key.").waitFor();
await page.getByLabel("What it is for").fill("the pipeline");
await page.getByRole("button", { name: "Issue the key" }).click();
await page.getByText("Issued. Copy the key now").waitFor();
await page.locator("[data-secret] summary").click();
const key = await page.locator("[data-secret] pre").textContent();
equal("a principal gets a key in the console",
  (await ask("GET", "/whoami", undefined, key)).actor, "service:ci");
await page.reload();
await page.getByText("This form was sent before").waitFor();
check("a key is shown once", !(await page.content()).includes(key));
await page.goto(`${SERVER}/access`);
await page.locator("#p-ci").getByRole("link", { name: /^Revoke/ }).click();
await page.getByLabel("Reason").fill("no longer used");
await page.getByRole("button", { name: "Revoke" }).click();
await page.getByText("The key is revoked.").waitFor();
check("a key is revoked for a reason",
  (await page.locator("#p-ci").textContent()).includes("no longer used"));

await lookAt([
  "/connections?as_of=1h", `/connections?as_of=${position}`, `${main}/then`,
  `${main}/then?as_of=v1`, `${main}/compare?from=v1&to=v2`, "/changes", `/changes?from=1`, "/undo",
  "/undo?as_of=1", "/proof", "/proof?position=2", "/access", "/access/new", "/access/ci/keys/new",
]);

// Without a script.
const plain = await context({ javaScriptEnabled: false });
const read = await plain.newPage();
await signIn(read);
await read.goto(`${SERVER}/connections`);
await read.getByRole("link", { name: "1 hour ago" }).click();
await read.getByText("This is the past").waitFor();
check("the past is read without the script",
  !(await read.getByLabel("Move through time").isVisible()));
await read.getByRole("link", { name: "Plan an undo" }).click();
await read.getByRole("button", { name: "Apply what is ticked" }).click();
await read.getByRole("link", { name: "Plan again" }).waitFor();
check("an undo takes no script", true);
await read.goto(`${SERVER}/proof?position=2`);
check("without the script a page says how a proof is checked",
  (await read.locator("main").textContent()).includes("connledger verify bundle event-2.proof"));
await plain.close();

await end();
done();
