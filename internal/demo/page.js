// The page of wssgate demo --serve. What others have written, names and messages, is
// shown by textContent alone.

import { load, login } from "/wssgate/wssgate.js";

const main = document.querySelector("main").dataset;
const $ = id => document.getElementById(id);
const quoteNS = "urn:example:quotes";

let session = null; // of the user who is logged in
let newest = 0; // number of the last exchange that was shown
let sent = null; // the last SOAP message on the wire

// element makes one with a text and children.
function element(name, { text, kind, children = [] } = {}) {
  const made = document.createElement(name);
  if (text !== undefined)
    made.textContent = text;
  if (kind)
    made.className = kind;
  made.append(...children);
  return made;
}

// show writes a line about how something went.
function show(where, kind, title, ...lines) {
  where.className = kind;
  where.replaceChildren(element("strong", { text: title }), ...lines.filter(Boolean).map(text => element("div", { text })));
}

// errorLines returns what there is to know of an error.
function errorLines(error) {
  const code = error.code ? `${error.name}: ${error.code}` : error.name;
  return [code, error.message, error.cure];
}

// tree shows what an Inspector found.
function tree(node) {
  return element("ul", { kind: "tree", children: [branch(node)] });
}

function branch(node) {
  const line = [element("span", { kind: "name", text: node.name })];
  if (node.value)
    line.push(" ", element("span", { text: node.value }));
  if (node.note)
    line.push(" ", element("span", { kind: "note", text: `(${node.note})` }));
  if (node.problem)
    line.push(element("span", { kind: "problem", text: node.problem }));
  if (node.text)
    line.push(element("pre", { text: node.text }));
  if (!node.children?.length)
    return element("li", { children: line });
  const open = element("details", { children: [
    element("summary", { children: line }), element("ul", { children: node.children.map(branch) }),
  ] });
  open.open = true;
  return element("li", { children: [open] });
}

// folded is a part that is opened by its title.
function folded(title, open, ...children) {
  const made = element("details", { children: [element("summary", { text: title }), ...children] });
  made.open = open;
  return made;
}

// lines is XML with an element on each line.
const lines = xml => xml.replaceAll("><", ">\n<");

// messageText is a message for people: elements begin lines, and what is encrypted is
// cut.
function messageText({ line, header, body }) {
  const text = [line, ...header].join("\n") + (body ? "\n\n" + lines(body) : "");
  return text.replace(/[A-Za-z0-9+/=]{100,}/g, long => `${long.slice(0, 60)}… (${long.length} characters)`);
}

// shownExchange is an exchange as the gateway saw it.
function shownExchange(x) {
  const accepted = x.code === "ok";
  const parts = [element("h3", { text: `${x.request.line}: ${accepted ? "accepted" : x.code || "answered"}` })];
  if (!accepted && x.cause)
    parts.push(element("p", { text: `${x.cause} ${x.cure ?? ""}` }));
  if (x.error)
    parts.push(element("p", { kind: "quiet", text: `In the gateway’s log: ${x.error}` }));
  parts.push(folded("On the wire to the gateway", true, element("pre", { text: messageText(x.request) })));
  if (x.inside)
    parts.push(folded("The same with the key of the service, as wssgate inspect shows it", false, tree(x.inside)));
  if (x.arrived)
    parts.push(folded("What arrives at the service", true, element("pre", { text: messageText(x.arrived) })));
  else
    parts.push(element("p", { text: "Nothing arrives at the service." }));
  parts.push(folded("The answer on the wire", true, element("pre", { text: messageText(x.response) })));
  return element("article", { children: parts });
}

// exchanges returns those that the page has not shown.
async function exchanges() {
  const response = await fetch(`/demo/exchanges?after=${newest}`);
  if (!response.ok)
    throw new Error(`the demo does not answer: HTTP status ${response.status}`);
  const all = await response.json();
  for (const x of all) {
    newest = x.number;
    if (x.request.line === `POST ${main.soap}` && x.code === "ok")
      sent = x.request.body;
  }
  return all;
}

// attempt runs a call, and shows it with all that was on the wire. An attempt that has
// to fail is good if it does.
async function attempt(title, call, { refused = false } = {}) {
  busy(true);
  $("outcome").hidden = false;
  $("outcome-title").textContent = title;
  show($("verdict"), "", "…");
  $("steps").replaceChildren();
  let result, error;
  try {
    result = await call();
  } catch (e) {
    error = e;
  }
  try {
    const all = await exchanges();
    const last = all.at(-1);
    if (error)
      show($("verdict"), "bad", "It failed", ...errorLines(error));
    else if (refused)
      show($("verdict"), last?.code !== "ok" ? "good" : "bad",
        last?.code !== "ok" ? `Refused, as it has to be: ${last?.code}` : "It was accepted", result);
    else
      show($("verdict"), "good", "The page has a verified answer", result);
    $("steps").replaceChildren(...all.map(shownExchange));
  } catch (e) {
    show($("verdict"), "bad", "It failed", ...errorLines(e));
  }
  await showTickets();
  busy(false);
  $("outcome-title").focus();
}

// busy enables what can be done now.
function busy(is) {
  for (const id of ["enter", "wrong"])
    $(id).disabled = is;
  for (const id of ["http", "soap"])
    $(id).disabled = is || !session;
  $("replay").disabled = is || !sent;
  for (const id of ["change", "expired"])
    $(id).disabled = is;
  $("leave").disabled = is;
  document.body.setAttribute("aria-busy", String(is));
}

// showTickets shows the tickets of the session, if there is one.
async function showTickets() {
  $("ticket").hidden = !session;
  $("tickets").replaceChildren(...(session ? [tree(await session.tickets())] : []));
}

// enter logs a user in.
async function enter(user, password) {
  busy(true);
  show($("state"), "", "The KDC is asked …");
  const begin = performance.now();
  try {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const old = session;
    session = null;
    await old?.logout();
    session = await login({ relay: `${scheme}://${location.host}${main.relay}`, realm: main.realm, user, password });
    const took = Math.round(performance.now() - begin);
    show($("state"), "good", `${session.user} is logged in`,
      `It took ${took} ms. The ticket is good until ${session.expires.toLocaleTimeString()}.`);
  } catch (error) {
    show($("state"), "bad", "Not logged in", ...errorLines(error));
  }
  await showTickets();
  busy(false);
}

// escaped is a text as XML has it.
function escaped(text) {
  return text.replace(/[&<>]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
}

const symbol = () => $("calls").elements.symbol.value;

async function callHTTP() {
  const response = await session.fetch(`${main.http}/${encodeURIComponent(symbol())}`);
  if (!response.ok)
    throw new Error(`HTTP status ${response.status}`);
  return await response.text();
}

async function callSOAP() {
  const question = `<q:GetQuote xmlns:q="${quoteNS}"><q:Symbol>${escaped(symbol())}</q:Symbol></q:GetQuote>`;
  const reply = await session.soap(main.soap, question, { policy: "Kerberos", service: main.service });
  return lines(reply.message);
}

// post sends a message as it is, without the client.
async function post(message) {
  const response = await fetch(main.soap, {
    method: "POST", headers: { "Content-Type": "text/xml; charset=utf-8" }, body: message,
  });
  return `The page gets HTTP status ${response.status}, with a fault that is the same for every reason.`;
}

// changed returns a message with another character in the Body's ciphertext, such
// that it decrypts to XML all the same: a space becomes a 0.
function changed(message) {
  const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const end = message.lastIndexOf("CipherValue>");
  const at = message.lastIndexOf("CipherValue>", end - 1) + "CipherValue>".length + 1;
  return message.slice(0, at) + base64[base64.indexOf(message[at]) ^ 1] + message.slice(at + 1);
}

// made returns a message that the demo has made in alice's name.
async function made(path) {
  const response = await fetch(path);
  const text = await response.text();
  if (!response.ok)
    throw new Error(text);
  return text;
}

$("login").addEventListener("submit", event => {
  event.preventDefault();
  const fields = event.target.elements;
  enter(fields.user.value, fields.password.value);
});
$("wrong").addEventListener("click", () => enter($("login").elements.user.value, "not the password"));
$("leave").addEventListener("click", async () => {
  busy(true);
  const old = session;
  session = null;
  await old?.logout();
  show($("state"), "good", "Logged out", "The keys are wiped and the tickets forgotten.");
  await showTickets();
  busy(false);
  $("enter").focus();
});
$("calls").addEventListener("submit", event => event.preventDefault());
$("http").addEventListener("click", () => attempt("By HTTP Negotiate", callHTTP));
$("soap").addEventListener("click", () => attempt("By signed and encrypted SOAP", callSOAP));
$("replay").addEventListener("click", () => attempt("The same message again", () => post(sent), { refused: true }));
$("change").addEventListener("click", () =>
  attempt("One character changed", async () => post(changed(await made("/demo/request"))), { refused: true }));
$("expired").addEventListener("click", () =>
  attempt("A ticket that has expired", async () => post(await made("/demo/expired")), { refused: true }));

busy(true);
const begin = performance.now();
try {
  await load();
  await exchanges(); // those of the terminal are not this page's
  const took = Math.round(performance.now() - begin);
  show($("state"), "", "Ready", `The client was loaded and started in ${took} ms.`);
  busy(false);
} catch (error) {
  show($("state"), "bad", "The client cannot be loaded", ...errorLines(error));
}
