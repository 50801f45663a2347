// An identity provider that others wrote, with a page of ours on which people say who they are:
//
//     node issuer.mjs PORT CALLBACK AUDIENCE
//
// It ends when somebody asks for /test/stop.

import http from "node:http";

import Provider from "oidc-provider";

const [port, callback, audience] = process.argv.slice(2);
const url = `http://127.0.0.1:${port}`;
// What each person may do. Nobody else may do anything.
const ROLES = { ada: ["integrations:list", "integrations:update"] };

const provider = new Provider(url, {
  clients: [{
    client_id: "console",
    // What is encoded in the header, as RFC 6749 wants it.
    client_secret: "of: the console+/=%",
    redirect_uris: [callback],
    response_types: ["code"],
    grant_types: ["authorization_code"],
  }],
  cookies: { keys: ["the key of the cookies"] },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  extraTokenClaims: (_, token) => ({ roles: ROLES[token.accountId] ?? [] }),
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: "", audience, accessTokenFormat: "jwt", accessTokenTTL: 300,
      }),
    },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
});

const PAGE = `<!doctype html><html lang="en"><title>Who are you?</title><form method="post">
<label>Name <input name="login" autofocus></label> <button>Go on</button>
<button name="deny" value="1">No</button></form>`;

async function body(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return new URLSearchParams(text);
}

async function interact(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  if (request.method !== "POST") {
    response.writeHead(200, { "content-type": "text/html" });
    response.end(PAGE);
    return;
  }
  const form = await body(request);
  const accountId = form.get("login");
  let result = { error: "access_denied", error_description: "<b>no</b>" };
  if (!form.has("deny")) {
    const grant = new provider.Grant({ accountId, clientId: params.client_id });
    grant.addOIDCScope("openid");
    result = { login: { accountId, remember: false }, consent: { grantId: await grant.save() } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const pages = provider.callback();
const server = http.createServer((request, response) => {
  if (request.url === "/test/stop") {
    response.end("stopped", () => process.exit(0));
  } else if (request.url.startsWith("/interaction/")) {
    interact(request, response).catch((error) => {
      console.error(error);
      response.writeHead(500);
      response.end();
    });
  } else {
    pages(request, response);
  }
});
server.listen(Number(port), "127.0.0.1");
