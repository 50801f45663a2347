// Checks the proof of an event in the browser: the hash of the entry, the way from it to the root of
// the tree (RFC 6962), and the log's signature of that root. Nothing is asked of the server.
"use strict";

const text = new TextEncoder();

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

async function sha256(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

const leafHash = (entry) => sha256([0], entry);
const nodeHash = (left, right) => sha256([1], left, right);

function same(one, other) {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

// A position has up to 64 bits, which a number of this language has not.
function read(proof) {
  const cut = proof.indexOf("\n\n");
  const lines = proof.slice(0, cut).split("\n");
  const checkpoint = proof.slice(cut + 2);
  const end = checkpoint.indexOf("\n\n");
  if (cut < 0 || end < 0 || lines.shift() !== "c2sp.org/tlog-proof@v1") throw new Error("form");
  if (lines[0].startsWith("extra ")) lines.shift();
  const index = /^index ([0-9]{1,20})$/.exec(lines.shift());
  const note = checkpoint.slice(0, end + 1);
  const [origin, size, root] = note.split("\n");
  if (!index || !/^[0-9]{1,20}$/.test(size)) throw new Error("form");
  const signatures = checkpoint.slice(end + 2).split("\n").filter(Boolean).map((line) => {
    const parts = /^\u2014 (\S+) (\S+)$/.exec(line);
    if (!parts) throw new Error("form");
    return { name: parts[1], bytes: bytesOf(parts[2]) };
  });
  return {
    index: BigInt(index[1]), hashes: lines.map(bytesOf), note, origin, size: BigInt(size),
    root: bytesOf(root), signatures,
  };
}

// The way from a leaf to the root, as RFC 9162 has it in 2.1.3.2.
async function rootOf(leaf, index, size, hashes) {
  if (index >= size) return null;
  let [at, last, hash] = [index, size - 1n, leaf];
  for (const other of hashes) {
    if (last === 0n) return null;
    if (at % 2n === 1n || at === last) {
      hash = await nodeHash(other, hash);
      while (at % 2n === 0n && at !== 0n) { at >>= 1n; last >>= 1n; }
    } else {
      hash = await nodeHash(hash, other);
    }
    at >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? hash : null;
}

// A key is NAME+ID+BASE64: one byte that says Ed25519, and 32 of the key. The id are the first four
// bytes of the SHA-256 of the name, a newline, and both.
async function readKey(written) {
  const parts = /^(\S+?)\+([0-9a-f]{8})\+(\S+)$/.exec(written.trim());
  if (!parts) return null;
  const bytes = bytesOf(parts[3]);
  const id = (await sha256(text.encode(parts[1]), [10], bytes)).slice(0, 4);
  const hex = Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (bytes.length !== 33 || bytes[0] !== 1 || hex !== parts[2]) return null;
  return { name: parts[1], id, bytes: bytes.slice(1) };
}

async function isSigned(proof, key) {
  const own = proof.signatures.find(
    ({ name, bytes }) => name === key.name && bytes.length === 68 && same(bytes.slice(0, 4), key.id));
  if (!own) return false;
  const known = await crypto.subtle.importKey("raw", key.bytes, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, known, own.bytes.slice(4), text.encode(proof.note));
}

const GOOD = ["good", "Holds"];
const BAD = ["bad", "Does not hold"];
const NONE = ["none", "Not checked"];

function tell(list, [kind, word], words) {
  const item = document.createElement("li");
  const badge = document.createElement("span");
  badge.className = "badge " + kind;
  const shape = document.createElement("span");
  shape.className = "shape";
  shape.setAttribute("aria-hidden", "true");
  badge.append(shape, word);
  item.append(badge, " ", words);
  list.append(item);
  return kind;
}

async function signature(proof, written) {
  const key = await readKey(written);
  if (!key) return [BAD, "The public key is not one of a log, like NAME+12345678+BASE64."];
  if (key.name !== proof.origin) return [BAD, "The public key is that of another log."];
  try {
    const good = await isSigned(proof, key);
    return [good ? GOOD : BAD, "The log has signed this root with the public key (Ed25519)."];
  } catch {
    return [NONE, "This browser does not know Ed25519, so the signature was not checked."];
  }
}

async function check() {
  const list = document.getElementById("checks-list");
  const verdict = document.getElementById("checks-verdict");
  const none = document.getElementById("checks-none");
  if (!window.crypto || !crypto.subtle) {
    none.textContent = "Nothing was checked: browsers offer that over https only. Download the proof "
      + "and check it with the program.";
    return;
  }
  none.hidden = true;
  list.replaceChildren();
  const entry = document.getElementById("proof-entry").textContent;
  const kinds = [];
  try {
    const proof = read(document.getElementById("proof-text").textContent);
    const position = /^connledger-event\/1 ([0-9]+) [0-9a-f]{64}$/.exec(entry);
    const fits = position && BigInt(position[1]) === proof.index + 1n;
    kinds.push(tell(list, fits ? GOOD : BAD, "The entry is that of this position in the log."));
    const leaf = await leafHash(text.encode(entry + "\n"));
    const root = await rootOf(leaf, proof.index, proof.size, proof.hashes);
    const leads = root !== null && same(root, proof.root);
    kinds.push(tell(list, leads ? GOOD : BAD,
      "The entry leads by " + proof.hashes.length + " hashes to the root of the checkpoint (SHA-256)."));
    const [kind, words] = await signature(proof, document.getElementById("log-key").value);
    kinds.push(tell(list, kind, words));
  } catch {
    kinds.push(tell(list, BAD, "The proof cannot be read."));
  }
  if (kinds.includes("bad")) {
    verdict.textContent = "The proof does not hold. Keep it, and tell whoever audits the ledger.";
  } else if (kinds.includes("none")) {
    verdict.textContent = "The event is in the tree. Whether the log has signed it was not checked.";
  } else {
    verdict.textContent = "The event is in the log that was signed with this key.";
  }
}

if (document.getElementById("proof-text")) {
  document.getElementById("log-key").addEventListener("change", check);
  check();
}
