"use strict";

// Shows the OpenAPI document that is served beside this file. All text is inserted as text, never as HTML.

const METHODS = ["get", "post", "patch", "put", "delete"];

function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

// Renders words between backticks as code.
function prose(text) {
  const parts = text.split("`");
  return parts.map((part, index) => (index % 2 ? make("code", "", part) : part));
}

function nameOf(reference) {
  return reference.split("/").pop();
}

function lookup(api, reference) {
  return reference.slice(2).split("/").reduce((place, step) => place[step], api);
}

// Returns a short description of a schema.
function words(schema) {
  if (schema === true) return "anything";
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const either = schema.anyOf || schema.oneOf;
  if (either) return either.map(words).join(" | ");
  const types = [].concat(schema.type || "anything");
  return types.map((type) => (type === "array" && schema.items ? `${words(schema.items)}[]` : type)).join(" | ");
}

function limits(schema) {
  const said = [];
  if (schema.pattern) said.push(`pattern ${schema.pattern}`);
  if (schema.minimum !== undefined) said.push(`from ${schema.minimum}`);
  if (schema.maximum !== undefined) said.push(`to ${schema.maximum}`);
  if (schema.maxLength !== undefined) said.push(`at most ${schema.maxLength} characters`);
  if (schema.default !== undefined) said.push(`default ${JSON.stringify(schema.default)}`);
  return said.join(", ");
}

function table(heads, rows) {
  const head = make("tr", "", ...heads.map((text) => make("th", "", text)));
  const body = rows.map((cells) => make("tr", "", ...cells.map((cell) => make("td", "", ...[].concat(cell)))));
  return make("table", "", make("thead", "", head), make("tbody", "", ...body));
}

function fields(api, reference) {
  const schema = lookup(api, reference);
  const required = schema.required || [];
  const rows = Object.entries(schema.properties || {}).map(([name, field]) => [
    make("code", "", required.includes(name) ? name : `${name}?`),
    make("code", "", words(field)),
    [...prose(field.description || ""), " ", make("span", "soft", limits(field))],
  ]);
  return rows.length ? table(["Field", "Type", "Description"], rows) : make("p", "soft", "No fields.");
}

// Returns the schema of a media type: a name that expands to its fields.
function content(api, media, part) {
  const schema = part.schema || {};
  if (!schema.$ref) return make("p", "", make("code", "", media));
  const opened = make("details", "", make("summary", "", make("code", "", `${media}: ${nameOf(schema.$ref)}`)));
  opened.addEventListener("toggle", () => {
    if (opened.open && opened.children.length === 1) opened.append(fields(api, schema.$ref));
  });
  return opened;
}

function parameters(list) {
  const rows = list.map((one) => [
    make("code", "", one.required ? one.name : `${one.name}?`),
    one.in,
    make("code", "", words(one.schema)),
    [...prose(one.description || ""), " ", make("span", "soft", limits(one.schema.items || one.schema))],
  ]);
  return table(["Parameter", "Location", "Type", "Description"], rows);
}

function responses(api, all) {
  const rows = Object.entries(all).map(([status, answer]) => [
    make("code", "", status),
    [
      ...prose(answer.description),
      ...Object.entries(answer.content || {}).map(([media, part]) => content(api, media, part)),
    ],
  ]);
  return table(["Status", "Description"], rows);
}

function example(path, method, operation) {
  const lines = [`curl -X ${method.toUpperCase()} "$LEDGER${path}"`];
  if ((operation.security || []).length) lines.push('  -H "Authorization: Bearer $KEY"');
  if (operation.requestBody) lines.push('  -H "Content-Type: application/json"', "  -d '{}'");
  return make("pre", "", lines.join(" \\\n"));
}

function fill(api, place, path, method, operation) {
  place.append(make("p", "", ...prose(operation.description || "")));
  const keyed = (operation.security || []).length;
  place.append(make("p", "soft", keyed ? "Requires a key." : "Requires no key."));
  place.append(example(path, method, operation));
  if ((operation.parameters || []).length) {
    place.append(make("h3", "", "Parameters"), parameters(operation.parameters));
  }
  if (operation.requestBody) {
    place.append(make("h3", "", "Body"));
    for (const [media, part] of Object.entries(operation.requestBody.content)) {
      place.append(content(api, media, part));
    }
  }
  place.append(make("h3", "", "Answers"), responses(api, operation.responses));
}

function route(api, path, method, operation) {
  const line = make(
    "summary",
    "",
    make("span", `method ${method}`, method.toUpperCase()),
    make("code", "", path),
    make("span", "summary", operation.summary || ""),
  );
  const inside = make("div", "");
  const element = make("details", "route", line, inside);
  element.id = operation.operationId;
  element.dataset.text = `${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase();
  element.addEventListener("toggle", () => {
    if (element.open && !inside.hasChildNodes()) fill(api, inside, path, method, operation);
  });
  return element;
}

function show(api) {
  document.getElementById("about").replaceChildren(...prose(api.info.description));
  const routes = document.getElementById("routes");
  const groups = document.getElementById("groups");
  for (const tag of api.tags) {
    const section = make("section", "", make("h2", "", tag.name), make("p", "soft", tag.description));
    section.id = `group-${tag.name}`;
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const method of METHODS) {
        const operation = methods[method];
        if (operation && operation.tags.includes(tag.name)) section.append(route(api, path, method, operation));
      }
    }
    routes.append(section);
    const link = make("a", "", tag.name);
    link.href = `#${section.id}`;
    groups.append(link);
  }
}

function filter(text) {
  const wanted = text.trim().toLowerCase();
  for (const element of document.querySelectorAll("details.route")) {
    element.hidden = !element.dataset.text.includes(wanted);
  }
  for (const section of document.querySelectorAll("main > section")) {
    section.hidden = !section.querySelector("details.route:not([hidden])");
  }
}

async function start() {
  try {
    const answer = await fetch("/api/v1/openapi.json");
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    show(await answer.json());
    const opened = document.getElementById(location.hash.slice(1));
    if (opened && opened.tagName === "DETAILS") opened.open = true;
  } catch (error) {
    document.getElementById("about").textContent = `The description cannot be loaded: ${error.message}`;
  }
}

document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
start();
