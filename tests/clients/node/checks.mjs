// What every client script shares: the server it talks to, and telling what it has seen.
//
// A script tells each check that passed as a line of JSON on standard output and ends with `done`.
// Whoever runs it counts the names, so a script that checks less than it should does not pass.

import { inspect, isDeepStrictEqual } from "node:util";

export const URL = process.env.LEDGER_URL;
export const KEY = process.env.LEDGER_KEY;
export const WORKSPACE = process.env.LEDGER_WORKSPACE;
// The start of every secret. It must come back in no answer.
export const CANARY = process.env.LEDGER_CANARY;
// A key that is none.
export const WRONG_KEY = "sk_test_0000000000000000000000000000000000000000000";

// Clients that print would be taken for checks.
console.log = console.info = console.debug = console.error;
const told = new Set();

const tell = (line) => process.stdout.write(`${line}\n`);
const shown = (value) => inspect(value, { depth: 6, breakLength: Infinity });

// Returns a secret of its own.
export const secret = (number) => `${CANARY}-${number}-xy`;

// Tells that a check passed, or ends the script. One name may have several conditions.
export function check(name, condition, detail) {
  if (!condition) throw new Error(`check failed: ${name}: ${shown(detail)}`);
  if (told.has(name)) return;
  told.add(name);
  tell(JSON.stringify({ check: name }));
}

// Checks that two values are equal, to their depths.
export function equal(name, seen, expected) {
  check(name, isDeepStrictEqual(seen, expected), { seen, expected });
}

// Checks that no answer holds a secret, in whatever the client has made of it.
export function silent(name, ...answers) {
  const sings = (answer) => inspect(answer, { depth: 10 }).includes(CANARY);
  for (const answer of answers) check(name, !sings(answer), "an answer holds a secret");
}

// Checks that a call is refused with a status, and returns the error. Clients name it differently.
export async function expectError(name, call, status, accept = () => true) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    const seen = error.status ?? error.statusCode ?? error.response?.status;
    check(name, seen === status, { seen, status, error });
    check(name, accept(error), error);
    return error;
  }
  return check(name, false, { "no error but": answer });
}

// Ends the list of checks.
export const done = () => tell("done");
