#include "docs_page.hpp"

namespace aiperf::api {

std::string_view docs_page() noexcept {  // NOLINT(readability-function-size): one text
    return R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>aiperf-cpp results server</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre, input { font-family: ui-monospace, monospace; font-size: 13px; }
details { border: 1px solid #8886; border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 3.5rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
td, th { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; }
pre { background: #8882; padding: .6rem; overflow: auto; max-height: 24rem; white-space: pre-wrap; }
</style>
</head>
<body>
<h1>Results server</h1>
<p id="about">Reading <a href="openapi.json">openapi.json</a> …</p>
<p><label>Token, where the server asks for one: <input id="token" type="password" autocomplete="off"></label></p>
<div id="routes"></div>
<script>
"use strict";
const SHOWN = 100000;
const make = (tag, text, ...children) => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
};
const token = document.getElementById("token");
const authorized = headers => token.value ? {...headers, Authorization: "Bearer " + token.value} : headers;

function address(path, fields) {
  const query = new URLSearchParams();
  for (const {parameter, input} of fields) {
    if (!input.value) continue;
    if (parameter.in === "path") {
      const encoded = input.value.split("/").map(encodeURIComponent).join("/");
      path = path.replace("{" + parameter.name + "}", () => encoded);
    } else if (parameter.in === "query") {
      query.set(parameter.name, input.value);
    }
  }
  const text = query.toString();
  return path.replace(/^\//, "") + (text ? "?" + text : "");
}

async function ask(path, fields, output) {
  const headers = {};
  for (const {parameter, input} of fields) {
    if (parameter.in === "header" && input.value) headers[parameter.name] = input.value;
  }
  output.textContent = "…";
  try {
    const answer = await fetch(address(path, fields), {headers: authorized(headers), cache: "no-store"});
    const text = (await answer.text()).slice(0, SHOWN);
    const lines = [...answer.headers].map(([name, value]) => name + ": " + value);
    output.textContent = [answer.status + " " + answer.statusText, ...lines, "", text].join("\n");
  } catch (error) {
    output.textContent = String(error);
  }
}

function table(head, rows) {
  const line = (tag, cells) => make("tr", "", ...cells.map(cell => make(tag, cell)));
  return make("table", "", line("th", head), ...rows.map(row => line("td", row)));
}

function route(path, method, operation) {
  const box = make("details", "", make("summary", "", make("b", method.toUpperCase()), make("code", path),
                                       document.createTextNode(" " + operation.summary)));
  box.append(table(["status", "meaning"],
                   Object.entries(operation.responses).map(([status, answer]) => [status, answer.description])));
  const fields = [];
  const form = make("table");
  for (const parameter of operation.parameters) {
    const input = make("input");
    // A page may not set this one.
    input.disabled = parameter.name === "Accept-Encoding";
    fields.push({parameter, input});
    form.append(make("tr", "", make("td", "", make("code", parameter.name)), make("td", parameter.in),
                     make("td", "", input), make("td", parameter.description)));
  }
  box.append(form);
  if (method === "get") {
    const button = make("button", "Try it");
    const output = make("pre");
    button.addEventListener("click", () => ask(path, fields, output));
    box.append(button, output);
  }
  return box;
}

async function show() {
  const about = document.getElementById("about");
  const routes = document.getElementById("routes");
  try {
    const answer = await fetch("openapi.json", {headers: authorized({})});
    if (!answer.ok) throw new Error(answer.status + " " + answer.statusText);
    const description = await answer.json();
    about.replaceChildren(document.createTextNode(
        description.info.description + " Version " + description.info.version + ". "),
        Object.assign(make("a", "openapi.json"), {href: "openapi.json"}));
    routes.replaceChildren();
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const [method, operation] of Object.entries(methods)) routes.append(route(path, method, operation));
    }
  } catch (error) {
    about.textContent = "openapi.json cannot be read: " + error.message;
  }
}
token.addEventListener("change", show);
show();
</script>
</body>
</html>
)html";
}

}  // namespace aiperf::api
