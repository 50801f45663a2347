// What pages do beside being read: stay up to date, copy values, forget secrets, tell distances of
// time. Everything that can be read works without this.
"use strict";

const REFRESH_PAUSE_MS = 300;
const REFRESH_EVERY_MS = 2000;
const POLL_MS = 15000;
const SECRET_MS = 60000;

function status(text) {
  const place = document.getElementById("live-status");
  if (place && place.textContent !== text) place.textContent = text;
}

// Times.

function span(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return seconds + " s";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h";
  return Math.floor(seconds / 86400) + " d";
}

function tellTimes() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const passed = now - Date.parse(time.dateTime);
    let text = span(Math.abs(passed)) + " ago";
    if (passed < -1000) text = "in " + span(-passed);
    else if (passed < 60000) text = "just now";
    if (time.textContent !== text) time.textContent = text;
  }
  for (const time of document.querySelectorAll("time[data-since]")) {
    const text = span(Math.max(0, now - Date.parse(time.dateTime)));
    if (time.textContent !== text) time.textContent = text;
  }
}

// Staying up to date. The page is fetched again, and what differs in the live region is replaced,
// so that the focus and open details stay.

function differs(before, after) {
  const plain = (element) => {
    const copy = element.cloneNode(true);
    for (const time of copy.querySelectorAll("time")) time.textContent = "";
    for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
    for (const changed of copy.querySelectorAll(".changed-now")) changed.classList.remove("changed-now");
    for (const empty of copy.querySelectorAll("[class='']")) empty.removeAttribute("class");
    for (const input of copy.querySelectorAll("input[name=command_id]")) input.removeAttribute("value");
    for (const button of copy.querySelectorAll("button.copy")) button.remove();
    return copy;
  };
  return !plain(before).isEqualNode(plain(after));
}

function sameNames(before, after) {
  const ids = (list) => Array.from(list, (element) => element.id || element.tagName).join(" ");
  return ids(before) === ids(after);
}

function renew(before, after) {
  if (!differs(before, after)) return;
  const parts = Array.from(before.children);
  const others = Array.from(after.children);
  const hasText = Array.from(after.childNodes).some(
    (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  if (parts.length && !hasText && sameNames(parts, others)) {
    parts.forEach((part, index) => renew(part, others[index]));
    return;
  }
  const focus = document.activeElement && before.contains(document.activeElement)
    ? { id: document.activeElement.closest("[id]").id, href: document.activeElement.getAttribute("href") }
    : null;
  const known = new Map(Array.from(before.querySelectorAll("tr[id], li[id]"), (row) => [row.id, row.textContent]));
  const open = Array.from(before.querySelectorAll("details[open]"), (one) => {
    const owner = one.closest("[id]");
    return owner ? owner.id : "";
  });
  before.replaceChildren(...Array.from(after.childNodes, (node) => document.importNode(node, true)));
  for (const row of before.querySelectorAll("tr[id], li[id]")) {
    if (known.size && known.get(row.id) !== row.textContent) row.classList.add("changed-now");
  }
  for (const id of open) {
    const owner = id && document.getElementById(id);
    const details = owner && owner.querySelector("details");
    if (details) details.open = true;
  }
  if (focus) {
    const owner = document.getElementById(focus.id);
    const link = owner && Array.from(owner.querySelectorAll("a, button, summary")).find(
      (one) => one.getAttribute("href") === focus.href);
    (link || owner || document.getElementById("main")).focus({ preventScroll: true });
  }
}

const live = document.getElementById("live");
let fetching = false;
let again = false;
let feed = null;
let failures = 0;

async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    const answer = await fetch(location.href, {
      headers: { "X-Console-Refresh": "1" }, credentials: "same-origin", redirect: "manual", cache: "no-store",
    });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      status("Your session has ended. Reload the page to sign in.");
      stop();
      return;
    }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (fresh) {
      renew(live, fresh);
      prepare(live);
      tellTimes();
    }
  } catch {
    status("The server cannot be reached.");
  } finally {
    fetching = false;
    if (again) { again = false; later(); }
  }
}

// Events that come in a row are one refresh, and a busy ledger is looked at every few seconds.
let timer = 0;
let last = 0;
function later() {
  if (timer) return;
  const wait = Math.max(REFRESH_PAUSE_MS, last + REFRESH_EVERY_MS - Date.now());
  timer = setTimeout(() => { timer = 0; last = Date.now(); refresh(); }, wait);
}

function stop() {
  if (feed) feed.close();
  feed = null;
}

let lastId = "";
function follow() {
  const url = live.dataset.feed;
  if (!url || feed) return;
  feed = new EventSource(lastId ? url.replace(/after=[^&]*/, "after=" + encodeURIComponent(lastId)) : url);
  const heard = (event) => { if (event.lastEventId) lastId = event.lastEventId; };
  for (const type of live.dataset.types.split(" ")) {
    feed.addEventListener(type, (event) => { heard(event); later(); });
  }
  feed.addEventListener("caught_up", (event) => { heard(event); failures = 0; status("Live"); });
  feed.addEventListener("open", () => status("Live"));
  feed.addEventListener("error", () => {
    status("Not live, trying again");
    if (!feed || feed.readyState !== EventSource.CLOSED) return;
    // The server refused: the position is gone, or the session is.
    feed = null;
    lastId = "";
    failures += 1;
    refresh();
    setTimeout(follow, Math.min(30000, 1000 * 2 ** failures));
  });
}

// What is of the past stays as it is.
if (live && !("still" in live.dataset)) {
  if (live.dataset.feed) follow();
  else setInterval(() => { if (!document.hidden) refresh(); }, POLL_MS);
  // A page that nobody looks at holds no connection, of which browsers have few.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { stop(); return; }
    refresh();
    follow();
  });
  window.addEventListener("pagehide", stop);
}

// Copying.

async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Cannot copy here";
  }
  setTimeout(() => { button.textContent = before; }, 2000);
}

function prepare(root) {
  for (const place of root.querySelectorAll("[data-copy]:not([data-ready])")) {
    place.dataset.ready = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", place.dataset.copyLabel || "Copy the id");
    button.addEventListener("click", () => copy(place.textContent, button));
    place.after(button);
  }
}

// Secrets that were revealed go after a minute, and when the page is left.

function forget() {
  const values = document.querySelectorAll("[data-secret]");
  if (!values.length) return;
  for (const value of values) value.remove();
  const note = document.getElementById("secret-note");
  if (note) note.textContent = "The values are no longer on this page.";
}

if (document.querySelector("[data-secret]")) {
  setTimeout(forget, SECRET_MS);
  window.addEventListener("pagehide", forget);
}

// Forms.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-sparse]")) {
    // Addresses are short without the fields that are empty.
    for (const field of form.elements) {
      if (field.name && field.value === "" && !field.disabled) {
        field.disabled = true;
        setTimeout(() => { field.disabled = false; }, 0);
      }
    }
    return;
  }
  if (form.method === "post") {
    // A second click sends nothing more; the server takes a repeat for what it is, too.
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 10000);
  }
});

// A moment of the past: the slider fills in the field, and goes there when the pointer lets it go or
// by Enter. With stops, such as versions, it moves from one to the next.
for (const form of document.querySelectorAll("form[data-moment]")) {
  const field = form.querySelector("input[type=datetime-local]");
  const place = form.querySelector("[data-slider]");
  const slider = place.querySelector("input[type=range]");
  const told = place.querySelector("output");
  const stops = Array.from(place.querySelectorAll("[data-stop]"));
  const tell = () => {
    let text;
    if (stops.length) {
      text = stops[slider.valueAsNumber].textContent;
    } else if (slider.valueAsNumber >= Number(slider.max)) {
      field.value = "";
      text = "Now";
    } else {
      field.value = new Date(slider.valueAsNumber * 1000).toISOString().slice(0, 19);
      text = field.value.replace("T", " ");
    }
    told.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  };
  const go = () => {
    if (stops.length) location.assign(stops[slider.valueAsNumber].value);
    else form.requestSubmit();
  };
  slider.setAttribute("aria-valuetext", told.textContent);
  slider.addEventListener("input", tell);
  slider.addEventListener("pointerup", () => setTimeout(go, 0));
  slider.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    go();
  });
  place.hidden = false;
}

// What a form has done is told once, and not again when the page is reloaded.
if (document.querySelector("[data-done]")) {
  const url = new URL(location.href);
  url.searchParams.delete("done");
  history.replaceState(null, "", url);
}
const wrong = document.querySelector("[aria-invalid=true], [role=alert]");
if (wrong) {
  if (!wrong.matches("input, textarea, select")) wrong.tabIndex = -1;
  wrong.focus();
}

prepare(document);
setInterval(tellTimes, 20000);
