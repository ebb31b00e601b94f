"use strict";

const systems = { hubspot: "HubSpot", zoho: "Zoho CRM" };
const other = { hubspot: "zoho", zoho: "hubspot" };
const words = (name) => name.replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase());
const byId = (id) => document.getElementById(id);

let kind = "contact";
let state = null;
const chosen = { hubspot: "", zoho: "" }; // the id of the record on each screen; "" is a new one
const waiting = []; // edits that have not arrived: {to, counterpart, values, since}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

async function send(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) });
  const out = await answer.json();
  if (!answer.ok) throw new Error(out.error);
  return out;
}

const say = (text) => { byId("status").textContent = text; };
const find = (system, id) => state?.records[system].find((r) => r.id === id);
const title = (record) => kind === "contact"
  ? [record.values.first_name, record.values.last_name].filter(Boolean).join(" ") || record.values.email || record.id
  : record.values.name || record.values.domain || record.id;

// choose opens a record, and its counterpart on the other screen.
function choose(system, id) {
  chosen[system] = id;
  const record = find(system, id);
  const counterpart = record && (state.records[other[system]].find((r) => r.id === record.counterpart || r.counterpart === id));
  chosen[other[system]] = counterpart ? counterpart.id : "";
  for (const s of Object.keys(systems)) { drawList(s); drawForm(s, true); }
}

// changed remembers what an element was drawn from: what is the same is left
// alone, so that nothing is replaced under a person's finger.
function changed(element, from) {
  const text = JSON.stringify(from);
  if (element.drawnFrom === text) return false;
  element.drawnFrom = text;
  return true;
}

function drawList(system) {
  const list = byId("list-" + system);
  if (!changed(list, [kind, chosen[system], state.records[system].map((r) => [r.id, title(r)])])) return;
  const items = state.records[system].map((record) => {
    const button = make("button", { type: "button", "aria-pressed": String(record.id === chosen[system]), "data-id": record.id }, title(record));
    button.addEventListener("click", () => choose(system, record.id));
    return make("li", {}, button);
  });
  const add = make("button", { type: "button", class: "add", "data-id": "" }, "New " + kind);
  add.addEventListener("click", () => choose(system, ""));
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  list.replaceChildren(...items, make("li", {}, add));
  if (focused !== null) list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

// drawForm fills the form of a screen. What a person is typing stays.
function drawForm(system, anew) {
  const form = byId("form-" + system);
  const record = find(system, chosen[system]);
  if (anew || form.dataset.kind !== kind) {
    form.dataset.kind = kind;
    form.replaceChildren(...state.fields.map((name) =>
      make("label", {}, make("span", {}, words(name)), make("input", { name, autocomplete: "off", value: record?.values[name] ?? "" }))),
      make("button", { class: "save" }, record ? "Save in " + systems[system] : "Create in " + systems[system]));
    for (const input of form.querySelectorAll("input")) input.dataset.seen = input.value;
    return;
  }
  for (const input of form.querySelectorAll("input")) {
    const now = record?.values[input.name] ?? "";
    if (now === input.dataset.seen) continue;
    input.dataset.seen = now;
    input.value = now;
    const label = input.parentElement;
    label.classList.remove("arrived");
    void label.offsetWidth; // starts the animation again
    label.classList.add("arrived");
  }
}

async function save(event) {
  event.preventDefault();
  const form = event.target, system = form.dataset.system, values = {};
  for (const input of form.querySelectorAll("input")) {
    if (input.value !== input.dataset.seen) values[input.name] = input.value.trim();
  }
  if (Object.keys(values).length === 0) { say("Nothing was changed."); return; }
  const since = performance.now(), id = chosen[system];
  try {
    const made = await send("edit", { system, kind, id, values });
    for (const input of form.querySelectorAll("input")) input.dataset.seen = input.value;
    if (chosen[system] === id) chosen[system] = made.id; // unless the person went on meanwhile
    waiting.push({ to: other[system], id: made.id, values, since });
    say("Saved in " + systems[system] + ". Synchronising …");
    await poll();
  } catch (err) { say(systems[system] + " refuses the edit: " + err.message); }
}

let synchronised = 0;

// reportSynchronised shows which edits have arrived on the other side.
function reportSynchronised() {
  for (const edit of [...waiting]) {
    const counterpart = state.records[edit.to].find((r) => r.counterpart === edit.id || find(other[edit.to], edit.id)?.counterpart === r.id);
    if (!counterpart || !Object.entries(edit.values).every(([name, value]) => (counterpart.values[name] ?? "") === value)) continue;
    waiting.splice(waiting.indexOf(edit), 1);
    byId("status").dataset.synchronised = ++synchronised;
    say(`Synchronised to ${systems[edit.to]} in ${Math.round(performance.now() - edit.since)} ms.`);
    if (chosen[other[edit.to]] === edit.id && chosen[edit.to] !== counterpart.id) choose(other[edit.to], edit.id);
  }
}

const round = (n) => n < 10 ? n.toFixed(1) : String(Math.round(n));

function stage(text, ms, extra = "") {
  return make("span", { class: "stage " + extra }, make("b", {}, text), ms === null ? "" : ` ${round(ms)} ms`);
}

function drawPath(p) {
  const bad = ["parked", "given up"].includes(p.outcome), again = p.outcome === "" && p.attempts > 1;
  const calls = p.calls.length === 0 ? [] : [make("details", { class: "stage" },
    make("summary", {}, make("b", {}, `${p.calls.length} call${p.calls.length === 1 ? "" : "s"}`)),
    make("ul", {}, ...p.calls.map((c) => make("li", { class: c.status >= 400 || c.status === 0 ? "bad" : "" }, `${systems[c.crm]}: ${c.what} → ${c.status || "no answer"}, ${round(c.ms)} ms`))))];
  return make("li", { "data-op": p.id, class: p.outcome === "" ? "moving" : "" },
    make("span", { class: "who " + p.from }, p.record),
    p.webhook ? stage(p.webhook, p.hook_ms) : stage(p.change, null),
    stage(p.topic, p.topic_ms),
    stage(p.consumer + (p.attempts > 1 ? ` ×${p.attempts}` : ""), p.work_ms),
    ...calls,
    stage(p.outcome === "" ? (again ? "retrying" : "working") : p.outcome + (p.reason ? ` (${p.reason})` : ""), p.outcome === "" ? null : p.total_ms,
      bad ? "bad" : p.outcome === "" ? "wait" : "good"));
}

function drawPaths() {
  const list = byId("paths");
  byId("nothing").hidden = state.paths.length > 0;
  if (list.querySelector("details[open]") || list.contains(document.activeElement)) return; // a person reads it
  if (!changed(list, state.paths)) return;
  list.replaceChildren(...state.paths.map(drawPath));
}

function drawFaults() {
  for (const box of document.querySelectorAll(".faults input")) {
    if (document.activeElement !== box) box.checked = state.faults[box.name];
  }
  byId("lost").textContent = state.lost > 0 ? `${state.lost} lost so far` : "";
}

let polling = false;
async function poll() {
  if (polling) return;
  polling = true;
  try {
    const answer = await fetch("state?kind=" + kind);
    const next = await answer.json();
    if (next.kind === kind && answer.ok) {
      const first = state === null;
      state = next;
      byId("console").href = state.console;
      if (first && state.records.hubspot.length > 0) choose("hubspot", state.records.hubspot[0].id);
      reportSynchronised();
      for (const s of Object.keys(systems)) { drawList(s); drawForm(s, false); }
      drawPaths();
      drawFaults();
    }
  } catch { say("The connector does not answer."); }
  polling = false;
}

for (const s of Object.keys(systems)) byId("form-" + s).addEventListener("submit", save);
document.querySelector(".choice").addEventListener("change", (event) => {
  kind = event.target.value;
  state = null;
  chosen.hubspot = chosen.zoho = "";
  poll();
});
document.querySelector(".faults").addEventListener("change", async (event) => {
  await send("fault", { name: event.target.name, on: event.target.checked });
});
byId("sweep").addEventListener("click", async () => { await send("sweep"); say("The sweep has looked."); });
poll();
setInterval(poll, 200);
