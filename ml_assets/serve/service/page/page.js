"use strict";
// One row as a form. Everything shown is set as text, never as HTML.
const by = (id) => document.getElementById(id);
const made = (tag, text, name) => {
  const found = document.createElement(tag);
  if (text !== undefined) found.textContent = text;
  if (name) found.className = name;
  return found;
};
const shown = (value) => (typeof value === "number" ? Number(value.toPrecision(6)).toString() : String(value));
let models = [];
const KEY = "ml_assets-key";
const ask = (path, options = {}) => {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  return fetch(path, { ...options, headers });
};
const chosen = () => models.find((model) => model.name === by("model").value);

function hint(column) {
  const parts = [];
  if (column.description) parts.push(column.description);
  if (column.unit) parts.push(`in ${column.unit}`);
  if (column.range) {
    const [low, high] = column.range;
    if (low !== null && high !== null) parts.push(`${low} to ${high}`);
    else parts.push(low !== null ? `at least ${low}` : `at most ${high}`);
  }
  if (!column.nullable) parts.push("needed");
  return parts.join("; ");
}

function control(column, value) {
  const choices = column.type === "boolean" ? ["true", "false"] : column.allowed;
  if (choices && choices.length <= 200) {
    const found = made("select");
    for (const choice of ["", ...choices]) found.append(made("option", String(choice)));
    found.value = value === null || value === undefined ? "" : String(value);
    return found;
  }
  const found = made("input");
  found.autocomplete = "off";
  if (column.type === "number" || column.type === "integer") found.inputMode = "decimal";
  if (column.type === "timestamp") found.placeholder = "2024-01-31T12:00:00+00:00";
  if (column.type === "date") found.placeholder = "2024-01-31";
  found.value = value === null || value === undefined ? "" : String(value);
  if (column.known && column.known.length) {
    const list = made("datalist");
    list.id = `known-${column.name}`;
    for (const item of column.known) {
      const option = made("option");
      option.value = item;
      list.append(option);
    }
    found.setAttribute("list", list.id);
    by("fields").append(list);
  }
  return found;
}

function field(column, value) {
  const found = made("div", undefined, "field");
  const input = control(column, value);
  input.id = `column-${column.name}`;
  input.dataset.column = column.name;
  const label = made("label", column.name);
  label.htmlFor = input.id;
  const said = made("small", hint(column));
  said.id = `${input.id}-hint`;
  const problem = made("small", "", "problem");
  problem.id = `${input.id}-problem`;
  input.setAttribute("aria-describedby", `${said.id} ${problem.id}`);
  found.append(label, input, said, problem);
  return found;
}

function show() {
  const model = chosen();
  by("fields").replaceChildren();
  by("answer").replaceChildren();
  if (!model) return;
  by("version").textContent = model.ready ? `${model.version}, ${model.task}` : `not ready: ${model.why}`;
  if (!model.ready) return;
  const example = model.example ? model.example.rows[0] : {};
  for (const column of model.columns) by("fields").append(field(column, example[column.name]));
  if (model.batches) {
    const batch = { name: "batch", type: "text", nullable: true, description: "The batch of the row, if its time does not say" };
    const found = field(batch, model.example ? model.example.batch : "");
    found.querySelector("input").dataset.column = "";
    found.querySelector("input").id = "batch";
    found.querySelector("label").htmlFor = "batch";
    by("fields").append(found);
  }
}

function typed(text, type) {
  if (text.trim() === "") return null;
  if (type === "boolean") return text === "true";
  return text;
}

async function predict(event) {
  event.preventDefault();
  const model = chosen();
  const row = {};
  for (const column of model.columns) row[column.name] = typed(by(`column-${column.name}`).value, column.type);
  const body = { rows: [row] };
  if (by("batch") && by("batch").value.trim()) body.batch = by("batch").value.trim();
  const asked = `v1/models/${encodeURIComponent(model.name)}/predict?interval=true`;
  const send = (path) =>
    ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  for (const problem of document.querySelectorAll(".problem")) {
    problem.textContent = "";
    problem.parentElement.classList.remove("wrong");
  }
  let answer = await send(`${asked}&explain=true`);
  if (answer.status === 401 || answer.status === 403) {
    begin();
    return;
  }
  let found = await answer.json();
  // Not every family says what drove a prediction.
  if (answer.status === 422 && !found.problems) {
    answer = await send(asked);
    found = await answer.json();
  }
  if (answer.ok) tell(found);
  else refuse(found);
  by("answer").focus();
}

function tell(found) {
  const [row] = found.predictions;
  const parts = [made("p", `${found.model} ${found.version}`), made("strong", shown(row.prediction))];
  if (row.low !== undefined && row.low !== null) parts.push(made("p", `between ${shown(row.low)} and ${shown(row.high)}`));
  if (row.set) parts.push(made("p", `may be: ${JSON.parse(row.set).join(", ")}`));
  if (row.unseen) parts.push(made("p", `never seen in training: ${row.unseen}`));
  if (row.missing_joins) parts.push(made("p", `no data yet of: ${row.missing_joins}`));
  const rows = (start) => Object.entries(row).filter(([name, value]) => name.startsWith(start) && value !== null);
  const classes = rows("probability_").map(([name, value]) => [name.slice(12), value]);
  const causes = rows("contribution_").map(([name, value]) => [name.slice(13), value]);
  if (classes.length) parts.push(made("h2", "Probabilities"), table(classes));
  if (causes.length) {
    causes.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
    parts.push(made("h2", "What drove it"), table(causes));
  }
  by("answer").replaceChildren(...parts);
}

function table(rows) {
  const most = Math.max(...rows.map(([, value]) => Math.abs(value)), 1e-12);
  const found = made("table");
  for (const [name, value] of rows) {
    const line = found.insertRow();
    line.insertCell().textContent = name;
    const number = line.insertCell();
    number.className = "number";
    number.textContent = shown(value);
    const bar = made("meter");
    bar.max = most;
    bar.value = Math.abs(value);
    line.insertCell().append(bar);
  }
  return found;
}

function refuse(found) {
  const parts = [made("p", found.error, "error")];
  const others = made("ul");
  for (const problem of found.problems || []) {
    const place = problem.column === null ? null : by(`column-${problem.column}-problem`);
    if (place) {
      place.textContent += `${place.textContent ? "; " : ""}wanted ${problem.wanted}`;
      place.parentElement.classList.add("wrong");
    } else others.append(made("li", `${problem.rule}: ${problem.wanted}`));
  }
  if (others.childElementCount) parts.push(others);
  by("answer").replaceChildren(...parts);
}

async function begin() {
  const answer = await ask("v1/models");
  const found = await answer.json();
  const locked = answer.status === 401 || answer.status === 403;
  by("key-form").hidden = !locked;
  by("row").hidden = locked;
  models = answer.ok ? found.models : [];
  by("model").replaceChildren(...models.map((model) => made("option", model.name)));
  by("version").textContent = "";
  show();
  if (locked) {
    const known = sessionStorage.getItem(KEY) !== null;
    by("key-problem").textContent = known ? `this key does not open it: ${found.error}` : "";
    by("key").focus();
  } else if (!answer.ok) by("answer").replaceChildren(made("p", found.error, "error"));
}

by("model").addEventListener("change", show);
by("row").addEventListener("submit", predict);
by("clear").addEventListener("click", () => {
  for (const input of document.querySelectorAll("#fields input, #fields select")) input.value = "";
  by("answer").replaceChildren();
});
by("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, by("key").value.trim());
  by("key").value = "";
  begin();
});
begin();
