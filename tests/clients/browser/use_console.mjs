// The console in a browser: what people do on its pages, and what these ask of whom.

import { KEY, URL as SERVER, WORKSPACE, check, done, equal, secret } from "./checks.mjs";
import { API, ask, context, end, lookAt, signIn } from "./visit.mjs";

const people = await context({ permissions: ["clipboard-read", "clipboard-write"] });
const first = await people.newPage();
const second = await people.newPage();

await signIn(first);
await first.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
check("signing in leads to the overview", (await first.title()).startsWith("Overview"));

// A form becomes a connection, which another tab shows by itself.
await second.goto(`${SERVER}/connections`);
await second.locator("#live-status", { hasText: "Live" }).waitFor();
const loads = [];
second.on("load", () => loads.push(second.url()));
await first.getByRole("link", { name: "New connection" }).click();
await first.getByRole("link", { name: /^OpenAI/ }).click();
await first.getByLabel("Display name").fill("Main <b>");
await first.getByLabel("Slug").fill("main");
await first.getByLabel("API key").fill(secret(1));
await first.getByRole("button", { name: "Create" }).click();
await first.getByText("Created.", { exact: true }).waitFor();
const main = new URL(first.url()).pathname;
check("a connection is created from a form", /\/connections\/[0-9a-f-]{36}$/.test(main), main);
check("what a form did is told once", !first.url().includes("done"), first.url());
await second.getByRole("link", { name: "Main <b>" }).waitFor();
equal("it appears in another tab without a reload", loads, []);

// The feed goes on after a cut.
await people.setOffline(true);
await ask("POST", `/workspaces/${WORKSPACE}/connections`, { slug: "cut", provider: "groq" });
await people.setOffline(false);
await second.getByRole("link", { name: "cut", exact: true }).waitFor();
equal("what happened during a cut is shown after it", loads, []);

// A rotation with an overlap, and a consumer that changes over.
const id = main.split("/").pop();
const confirm = (generation) => ask(
  "POST", `/workspaces/${WORKSPACE}/connections/${id}/confirm-secret`,
  { consumer: "gateway-1", generations: { api_key: generation } });
await confirm(1);
await first.goto(SERVER + main);
await first.getByRole("link", { name: "Rotate", exact: true }).click();
await first.getByLabel("API key (now v1)").fill(secret(2));
await first.getByLabel("Keep it until every consumer has confirmed the new one").check();
await first.getByRole("button", { name: "Rotate" }).click();
await first.getByText("0 of 1 have changed over").waitFor();
await first.locator("#live-status", { hasText: "Live" }).waitFor();
check("who still uses the former secret is named",
  await first.locator("#consumers .badge", { hasText: "On the former secret" }).count() === 1);
await confirm(2);
await first.locator("#consumers").getByText("Up to date").waitFor();
check("a consumer is seen to change over", true);

// Two tabs edit the same connection.
await first.goto(`${SERVER}${main}/edit`);
await second.goto(`${SERVER}${main}/edit`);
await first.getByLabel("Display name").fill("Of the first");
await first.getByLabel("Tags").fill("one");
await first.getByRole("button", { name: "Save" }).click();
await first.getByText("Saved.", { exact: true }).waitFor();
await second.getByLabel("Display name").fill("Of the second");
await second.getByLabel("Description").fill("What it is for");
await second.getByRole("button", { name: "Save" }).click();
await second.getByText("Somebody else changed this connection").waitFor();
const row = second.getByRole("row", { name: /Display name/ });
equal("a conflict shows what stood there, what stands there, and what was typed",
  await row.getByRole("cell").allTextContents(), ["Main <b>", "Of the first", "Of the second"]);
equal("what only others changed is taken over",
  await second.getByLabel("Tags").inputValue(), "one");
await second.getByLabel("Display name").fill("Of both");
await second.getByRole("button", { name: "Save" }).click();
await second.getByText("Saved.", { exact: true }).waitFor();
const merged = await ask("GET", `/workspaces/${WORKSPACE}/connections/${id}`);
equal("both changes are there once they are merged",
  [merged.display_name, merged.description, merged.tags], ["Of both", "What it is for", ["one"]]);

// A secret is revealed for a reason, copied without being seen, and goes.
await first.clock.install();
await first.goto(`${SERVER}${main}/reveal`);
await first.getByRole("button", { name: "Reveal" }).click();
check("a reason is asked for",
  await first.getByLabel("Reason").evaluate((field) => !field.validity.valid));
await first.getByLabel("Reason").fill("a look");
await first.getByRole("button", { name: "Reveal" }).click();
await first.getByRole("button", { name: "Copy api_key" , includeHidden: true }).waitFor({ state: "attached" });
check("a value is not shown before somebody asks",
  !(await first.locator("[data-secret] pre").isVisible()));
await first.locator("[data-secret] summary").focus();
await first.keyboard.press("Enter");
await first.getByRole("button", { name: "Copy api_key" }).click();
equal("a value is copied",
  await first.evaluate(() => navigator.clipboard.readText()), secret(2));
await first.clock.fastForward(61_000);
await first.getByText("The values are no longer on this page.").waitFor();
equal("a value goes after a minute", await first.locator("[data-secret]").count(), 0);
await first.goto(SERVER + main);
await first.locator("#latest").getByText("a look", { exact: true }).waitFor();
check("the reason is in the history", true);

// Out of use, and back.
await first.getByRole("link", { name: "Archive", exact: true }).click();
await first.getByLabel("Reason").fill("not needed");
await first.getByRole("button", { name: "Archive", exact: true }).click();
await first.getByText("Archived. It can be restored.").waitFor();
await first.getByRole("link", { name: "Restore", exact: true }).click();
await first.getByRole("button", { name: "Restore", exact: true }).click();
await first.getByText("Restored.", { exact: true }).waitFor();
check("a connection is archived and restored", true);

// Filters are an address that others can open.
await ask("POST", `/workspaces/${WORKSPACE}/connections/cut/mark-failed`, { reason: "it is cut" });
await first.goto(`${SERVER}/connections`);
await first.getByLabel("Failed").check();
await first.getByRole("button", { name: "Filter" }).click();
await first.waitForURL(/health=failed/);
equal("filters are in the address, without those that are empty",
  new URL(first.url()).search.replace("workspace=_all&", ""), "?health=failed");
equal("a filter leaves what fits", await first.getByRole("row").count(), 2);
await first.goto(`${SERVER}/`);
await first.locator(".issue").getByText("it is cut", { exact: true }).waitFor();
check("the overview names what is broken, and why", true);

// The audit.
await first.goto(`${SERVER}/history?type=secret_revealed`);
equal("the history is searched", await first.locator(".timeline > li").count(), 1);
await fetch(`${API}/whoami`, { headers: { authorization: "Bearer sk_test_aaaaaaaaaaaa_wrong" } });
await first.waitForTimeout(1_500);
await first.goto(`${SERVER}/refusals?kind=credential_invalid`);
check("a refusal is found", await first.getByRole("row").count() > 1);

// A revoked key is out at once, and the form that comes after it does nothing.
await ask("POST", "/principals", {
  principal: "ada", kind: "user", grants: [{ role: "editor", workspaces: [WORKSPACE] }],
});
const issued = await ask("POST", "/principals/ada/keys", {});
const other = await context();
const ada = await other.newPage();
await signIn(ada, issued.api_key.key);
await ada.goto(SERVER + main);
check("what somebody may not do is not offered, and why is told",
  await ada.getByRole("link", { name: "Reveal", exact: true }).count() === 0
    && (await ada.locator(".denied").textContent()).includes("Reveal"));
await ada.goto(`${SERVER}${main}/do/disable`);
await ask("POST", `/principals/ada/keys/${issued.api_key.id}/revoke`, {});
await ada.getByRole("button", { name: "Disable" }).click();
await ada.getByRole("alert").getByText("credential_revoked").waitFor();
const still = await ask("GET", `/workspaces/${WORKSPACE}/connections/${id}`);
check("a revoked key ends its session, and a form after that does nothing", still.enabled);
await other.close();

// With the keyboard alone.
const keys = await context();
const typed = await keys.newPage();
await typed.goto(`${SERVER}/`);
await typed.keyboard.type(KEY);
await typed.keyboard.press("Enter");
await typed.waitForURL(`${SERVER}/`);
await typed.keyboard.press("Tab");
equal("the first stop skips to the content",
  await typed.evaluate(() => document.activeElement.textContent), "Skip to content");
await typed.keyboard.press("Enter");
const until = async (text) => {
  for (let stops = 0; stops < 200; stops += 1) {
    await typed.keyboard.press("Tab");
    const found = await typed.evaluate(() => {
      const place = document.activeElement;
      const outline = getComputedStyle(place).outlineStyle;
      return { text: place.textContent.trim(), seen: outline !== "none" };
    });
    if (found.text === text) return found.seen;
  }
  return false;
};
check("the focus is seen wherever it is", await until("cut"));
await typed.keyboard.press("Enter");
await typed.waitForURL(/\/connections\/[0-9a-f-]{36}$/);
check("an action is reached with the keyboard", await until("Disable"));
await typed.keyboard.press("Enter");
await typed.waitForURL(/do\/disable$/);
check("a form is sent with the keyboard", await until("Disable"));
await typed.keyboard.press("Enter");
await typed.getByText("Disabled: gateways may not use it.").waitFor();
await keys.close();

// Every page, in light and dark, wide and narrow.
const pages = [
  "/", "/connections", "/connections?health=failed&text=cut", main, `${main}/history`,
  `${main}/compare?from=v1`, `${main}/edit`, `${main}/rotate`, `${main}/reveal`,
  `${main}/exposure?field=api_key`, `${main}/do/archive`, `${main}/do/erase`,
  `${main}/do/grant-workspace`, `${main}/do/mark-failed`, `${main}/do/revert`, "/new",
  "/new/openai", "/new/postgresql", "/new/vertex-ai", "/history", "/refusals", "/access",
  "/access?may=rotate-secret", "/ledger", `${main}x`, "/sign-in",
];
await lookAt(pages);

// Without a script.
const plain = await context({ javaScriptEnabled: false });
const read = await plain.newPage();
await signIn(read);
for (const path of pages.slice(0, 6).concat("/ledger", "/access", "/history")) {
  await read.goto(SERVER + path);
  check("pages are read without the script", (await read.locator("h1").textContent()) !== "");
}
await read.goto(`${SERVER}/connections?text=cut`);
await read.getByRole("link", { name: "cut", exact: true }).click();
await read.getByRole("link", { name: "Enable", exact: true }).click();
await read.getByRole("button", { name: "Enable", exact: true }).click();
await read.getByText("Enabled: gateways may use it.").waitFor();
await read.getByRole("button", { name: "Sign out" }).click();
await read.getByText("You have signed out.").waitFor();
check("forms work without the script", true);
await plain.close();

await end();
done();
