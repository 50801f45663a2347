// Signing in to the console at an identity provider that others wrote.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { KEY, URL as SERVER, check, done, equal } from "./checks.mjs";

const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
const WITH = /^Sign in with 127\.0\.0\.1/;

const browser = await chromium.launch({
  executablePath: process.env.CONNLEDGER_CHROMIUM,
  // The tests may run as root, who has no sandbox.
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});

async function visitor(options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(30_000);
  return context.newPage();
}

// Goes to the issuer and says there who somebody is.
async function goAs(page, name, to = "/") {
  await page.goto(SERVER + to);
  await page.getByRole("link", { name: WITH }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Go on" }).click();
}

async function lead(verb, body) {
  const answer = await fetch(`${SERVER}/api/v1/${verb}`, {
    method: "POST",
    headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${verb}: ${await answer.text()}`);
}

const sent = await fetch(`${SERVER}/sign-in/issuer?to=%2F`, { redirect: "manual" });
const link = new URL(sent.headers.get("location"));
const attempt = sent.headers.get("set-cookie");
check("the link has state, nonce and challenge",
  ["state", "nonce", "code_challenge"].every((name) => link.searchParams.get(name)?.length === 43)
    && link.searchParams.get("code_challenge_method") === "S256", link.href);
check("the attempt is kept by the browser, for ten minutes and out of reach of scripts",
  /HttpOnly; SameSite=Lax; Max-Age=600/.test(attempt)
    && !attempt.includes(link.searchParams.get("state")), attempt);

// In light and dark, wide and narrow, the provider comes first and a key is still possible.
for (const options of [{}, { colorScheme: "dark", viewport: { width: 320, height: 640 } }]) {
  const page = await visitor(options);
  await page.goto(`${SERVER}/sign-in`);
  await page.evaluate(`${AXE};0`);
  const { violations } = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check("the sign-in page has no fault that axe finds", !violations.length && over <= 0,
    { violations: violations.map(({ id }) => id), over });
  await page.context().close();
}

// Ada signs in and comes to where she wanted to go.
const ada = await visitor();
const seen = [];
ada.on("request", (request) => seen.push(request.url()));
await goAs(ada, "ada", "/connections?text=none");
await ada.waitForURL(`${SERVER}/connections?text=none`);
await ada.getByText("0 connections").waitFor();
check("signing in leads to where somebody wanted to go", true);
await ada.goto(`${SERVER}/access`);
check("the session is that of the person",
  (await ada.locator("main").textContent()).includes("oidc:ada"));
const kept = await ada.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
equal("scripts find no token", kept, [0, 0, ""]);
const own = (await ada.context().cookies(SERVER)).map(({ name }) => name);
equal("the attempt is forgotten", own.filter((name) => name.endsWith("-sign-in")), []);
check("no token is in an address", !seen.some((url) => /eyJ/.test(url)), seen);

// An answer is good once, and in one browser.
const answer = seen.find((url) => url.startsWith(`${SERVER}/sign-in/callback`));
await ada.goto(answer);
await ada.getByRole("alert").getByText("sign_in_failed").waitFor();
check("an answer is good once", true);
const eve = await visitor();
await eve.goto(`${SERVER}/sign-in`);
const [own_attempt] = await Promise.all([
  eve.waitForRequest((request) => request.url().includes("/interaction/")),
  eve.getByRole("link", { name: WITH }).click(),
]);
check("an attempt leads to the provider", own_attempt.url().startsWith(link.origin));
await eve.goto(answer);
await eve.getByRole("alert").getByText("was not begun in this browser").waitFor();
check("an answer for another browser does nothing",
  (await (await eve.goto(`${SERVER}/connections`)).text()).includes("Sign in"));

// No is no, and somebody without rights is told so.
const no = await visitor();
await no.goto(`${SERVER}/sign-in`);
await no.getByRole("link", { name: WITH }).click();
await no.getByRole("button", { name: "No" }).click();
await no.getByRole("alert").getByText("Access was denied at the identity provider.").waitFor();
check("who says no is told that nothing was done", !(await no.content()).includes("<b>no"));
const ben = await visitor();
await goAs(ben, "ben");
await ben.getByRole("alert").getByText("you have no rights in this ledger").waitFor();
check("who has no rights is told so", (await ben.getByRole("alert").textContent()).includes("forbidden"));
await ben.goto(`${SERVER}/`);
check("and gets no session", new URL(ben.url()).pathname === "/sign-in", ben.url());

// Without a script it is the same.
const plain = await visitor({ javaScriptEnabled: false });
await goAs(plain, "ada");
await plain.waitForURL(`${SERVER}/`);
await plain.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
check("signing in takes no script", true);

// Whoever is blocked is out at the next request.
await ada.goto(`${SERVER}/sign-in`);
await ada.getByRole("link", { name: WITH }).click();
await ada.waitForURL(`${SERVER}/`);
check("whom the provider knows already signs in with a click", true);
// An open page would follow the events, and be told so first.
await ada.goto("about:blank");
await lead("blocked-tokens/block", { subject: "ada", reason: "left" });
await ada.goto(`${SERVER}/connections`);
await ada.getByRole("alert").getByText("credential_revoked").waitFor();
check("a blocked person is out at the next request", true);

// Without the provider there is a clear word, and a key opens the console all the same.
await fetch(`${link.origin}/test/stop`);
const late = await visitor();
await late.goto(`${SERVER}/sign-in`);
const until = Date.now() + 60_000;
// What the provider said is taken for true for some seconds.
for (;;) {
  await late.goto(`${SERVER}/sign-in`);
  const refused = await fetch(`${SERVER}/sign-in/issuer`, { redirect: "manual" });
  if (refused.status === 503 || Date.now() > until) break;
  await late.waitForTimeout(1_000);
}
await late.getByRole("link", { name: WITH }).click();
await late.getByRole("alert").getByText("sign_in_unavailable").waitFor();
check("a provider that is away is told", true);
await late.getByLabel("API key").fill(KEY);
await late.getByRole("button", { name: "Sign in" }).click();
await late.waitForURL(`${SERVER}/`);
check("a key opens the console all the same", true);

await browser.close();
done();
