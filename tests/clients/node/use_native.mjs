// The native API, with nothing but what Node.js brings: what runs scripts is tested with it.

import { URL, KEY, WORKSPACE, WRONG_KEY, check, done, equal, secret, silent } from "./checks.mjs";

const root = `${URL}/api/v1/workspaces/${WORKSPACE}/connections`;

async function ask(method, url, body, key = KEY) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  return [answer.status, await answer.json()];
}

const [status, made] = await ask("POST", root, {
  slug: "a",
  provider: "x",
  secrets: { k: secret(1) },
});
equal("a connection is created", status, 201);
const [found, listed] = await ask("GET", root);
equal("connections are listed", found, 200);
check("connections are listed", JSON.stringify(listed).includes('"a"'), listed);
silent("secrets are masked", made, listed);
const [missing, problem] = await ask("GET", `${root}/missing`);
equal("a missing one is 404", [missing, problem.status], [404, 404]);
equal("a wrong key is 401", (await ask("GET", root, undefined, WRONG_KEY))[0], 401);
done();
