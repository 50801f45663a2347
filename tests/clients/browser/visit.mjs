// What the scripts that visit the console share: a browser, people who sign in, and what pages may
// not do.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { KEY, URL as SERVER, check, equal } from "./checks.mjs";

const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
// The most bytes of a page with its style sheet and its scripts.
const PAGE_BYTES_MAX = 150_000;
const NARROW = { width: 320, height: 640 };
export const API = `${SERVER}/api/v1`;

const browser = await chromium.launch({
  executablePath: process.env.CONNLEDGER_CHROMIUM,
  // The tests may run as root, who has no sandbox.
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});

// What pages asked of others, and the errors that they told.
const elsewhere = [];
const errors = [];

export async function context(options = {}) {
  const made = await browser.newContext({ ...options });
  made.setDefaultTimeout(30_000);
  made.on("request", (request) => {
    if (!request.url().startsWith(SERVER)) elsewhere.push(request.url());
  });
  made.on("weberror", (error) => errors.push(error.error().message));
  made.on("console", (message) => {
    // A refused form is told by its status, which browsers write down as an error.
    const isStatus = message.text().includes("the server responded with a status of 4");
    if (message.type() === "error" && !isStatus) errors.push(message.text());
  });
  return made;
}

export async function signIn(page, key = KEY) {
  await page.goto(`${SERVER}/`);
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${SERVER}/`);
}

export async function ask(method, path, body, key = KEY) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const answer = await fetch(API + path, { method, headers, body: JSON.stringify(body) });
  const text = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(text)}`);
  return text;
}

// Returns the bytes of a style sheet or a script.
const sizes = new Map();
async function sizeOf(url) {
  if (!sizes.has(url)) sizes.set(url, (await (await fetch(url)).arrayBuffer()).byteLength);
  return sizes.get(url);
}

async function weigh(page, answer) {
  const urls = await page.evaluate(() => Array.from(
    document.querySelectorAll("link[rel=stylesheet], script[src]"), (one) => one.href || one.src));
  let weight = (await answer.body()).length;
  for (const url of urls) weight += await sizeOf(url);
  return weight;
}

// Looks at pages in light and dark, wide and narrow.
export async function lookAt(pages) {
  for (const [colorScheme, viewport] of [["light", undefined], ["dark", NARROW]]) {
    const seen = await context({ colorScheme, ...(viewport && { viewport }) });
    const page = await seen.newPage();
    await signIn(page);
    for (const path of pages) {
      const answer = await page.goto(SERVER + path);
      const weight = await weigh(page, answer);
      check("pages are light", weight < PAGE_BYTES_MAX, { path, weight });
      await page.evaluate(`${AXE};0`);
      const { violations } = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
      const told = violations.map((one) => [one.id, one.nodes.map((node) => node.html)]);
      check("no page has a fault that axe finds", told.length === 0, { path, colorScheme, told });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check("nothing is wider than the window", over <= 0, { path, over });
    }
    await seen.close();
  }
}

export async function end() {
  equal("nothing is asked of anybody else", elsewhere, []);
  equal("no page tells an error", errors, []);
  await browser.close();
}
