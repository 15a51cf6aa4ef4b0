// The form for one row: built from the card of the model, sent as JSON, and the answer as tables.
const MOST_FIELDS = 60; // columns with a field each; of more, the row is a text of JSON
const MOST_CLASSES = 12, MOST_CATEGORIES = 100; // shown
const at = (id) => document.getElementById(id);
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
let token = "", card = null, path = "predict";

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

async function ask(address, options = {}) {
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  const answer = await fetch(address, { ...options, headers });
  const found = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(found.error), { status: answer.status });
  return found;
}

const shown = (value) => Number(value.toPrecision(7)).toString();

function hint(column) {
  if (column.words) return "a text of any length";
  if (column.kind === "text") return `one of ${column.categories.length} words in training`;
  const end = column.kind === "number" ? shown : (day) => day;
  const none = column.kind === "number" ? "a number" : "a date such as 2026-11-21";
  const range = column.low === undefined ? none : `in training ${end(column.low)} to ${end(column.high)}`;
  return column.cells ? `${range}; ${column.cells}` : range;
}

function typical(column) {
  if (column.example !== undefined) return column.example;
  if (column.kind === "number") return shown(column.median);
  return column.kind === "text" ? (column.categories[0] ?? "") : "";
}

function field(column, i) {
  const input = make("input", { id: `c${i}`, name: column.name, value: typical(column), autocomplete: "off" });
  input.setAttribute("aria-describedby", `h${i}`);
  if (column.kind === "number" && !column.cells) input.inputMode = "decimal"; // a number of JSON, else a text
  const parts = [make("label", { htmlFor: `c${i}`, textContent: column.name }), input];
  if (column.kind === "text" && !column.words) {
    input.setAttribute("list", `l${i}`);
    const words = column.categories.slice(0, MOST_CATEGORIES).map((value) => make("option", { value }));
    parts.push(make("datalist", { id: `l${i}` }, ...words));
  }
  return make("div", { className: "field" }, ...parts, make("p", { className: "hint", id: `h${i}`, textContent: hint(column) }));
}

function typicalRow() {
  return Object.fromEntries(card.columns.map((column) => {
    const value = typical(column);
    return [column.name, value === "" ? null : column.kind === "number" && !column.cells ? Number(value) : value];
  }));
}

function build() {
  const what = card.task === "regression" ? "a number" : `one of ${card.classes.length} classes`;
  at("about").textContent = `The model '${card.name}' predicts '${card.target}', ${what}, from ${card.columns.length} columns.`;
  at("fields").replaceChildren(...(card.columns.length <= MOST_FIELDS ? card.columns.map(field) : [
    make("label", { htmlFor: "text", textContent: "The row as JSON" }),
    make("textarea", { id: "text", spellcheck: false, value: JSON.stringify(typicalRow(), null, 1) }),
  ]));
  at("result").replaceChildren();
  at("program").hidden = true;
}

function row() {
  if (at("text")) return at("text").value;
  const cells = [...at("fields").querySelectorAll("input")].map(({ name, value, inputMode }) => {
    const written = value === "" ? "null" : inputMode && NUMBER.test(value) ? value : JSON.stringify(value);
    return `${JSON.stringify(name)}: ${written}`; // a number keeps its digits
  });
  return `{${cells.join(", ")}}`;
}

function tableOf(caption, rows) {
  return make("table", {}, make("caption", { textContent: caption }), make("tbody", {}, ...rows));
}

function show(answer) {
  if (!Array.isArray(answer.warnings) || Array.isArray(answer.prediction)) {
    throw Object.assign(new Error("The form is for one row: write an object with one value for each column."), { status: 422 });
  }
  const parts = [make("h2", { textContent: card.target }), make("p", { className: "prediction", textContent: answer.prediction })];
  if (answer.low !== undefined) parts.push(make("p", { textContent: `from ${answer.low} to ${answer.high}` }));
  const prefix = `p_${card.classes[0]}` in answer ? "p_" : "score_";
  const classes = card.classes.map((name) => [name, answer[prefix + name]]).sort((a, b) => b[1] - a[1]);
  const rows = classes.slice(0, MOST_CLASSES).map(([name, value]) => make("tr", {},
    make("th", { scope: "row", textContent: name }),
    ...(prefix === "p_" ? [make("td", { className: "bar" }, make("meter", { value, ariaLabel: `probability of ${name}` }))] : []),
    make("td", { className: "number", textContent: prefix === "p_" ? `${(100 * value).toFixed(2)} %` : value })));
  if (rows.length) parts.push(tableOf(prefix === "p_" ? "Probabilities" : "Scores", rows));
  const reasons = [];
  for (let i = 1; answer[`reason_${i}`] !== undefined; i += 1) {
    reasons.push(make("tr", {}, make("th", { scope: "row", textContent: answer[`reason_${i}`] }),
      make("td", { className: "number", textContent: answer[`contribution_${i}`] })));
  }
  const over = answer.runner_up === undefined ? "" : ` over ${answer.runner_up}`;
  if (reasons.length) parts.push(tableOf(`Columns that matter most, and what each adds${over}`, reasons));
  if (answer.warnings.length) {
    parts.push(make("ul", { className: "warnings" }, ...answer.warnings.map((textContent) => make("li", { textContent }))));
  }
  at("result").replaceChildren(make("div", {}, ...parts));
}

function refuse(error) {
  if (error.status === 401) {
    at("token-form").hidden = false;
    at("row-form").hidden = true;
    at("about").textContent = "This server answers those who have its token.";
    at("token-problem").textContent = token ? "The server has another token." : "";
    at("token").focus();
    return;
  }
  const textContent = error.status ? error.message : "The server does not answer: is it still running?";
  at("result").replaceChildren(make("div", {}, make("p", { className: "problem", role: "alert", textContent })));
}

async function choose(name, isOnly) {
  path = isOnly ? "predict" : `models/${encodeURIComponent(name)}/predict`;
  card = await ask(`models/${encodeURIComponent(name)}`);
  build();
}

async function begin() {
  try {
    const { models } = await ask("models");
    at("model").replaceChildren(...models.map(({ name }) => make("option", { value: name, textContent: name })));
    at("model-choice").hidden = models.length < 2;
    await choose(models[0].name, models.length === 1);
    at("token-form").hidden = true;
    at("row-form").hidden = false;
  } catch (error) {
    refuse(error);
  }
}

at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value;
  begin();
});
at("model").addEventListener("change", () => choose(at("model").value, false).catch(refuse));
at("typical").addEventListener("click", build);
at("empty").addEventListener("click", () => {
  for (const input of at("fields").querySelectorAll("input")) input.value = "";
  if (at("text")) at("text").value = JSON.stringify(Object.fromEntries(card.columns.map(({ name }) => [name, null])), null, 1);
});
at("row-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = row(), reasons = Math.min(Number(at("reasons").value) || 0, card.columns.length);
  const address = reasons > 0 ? `${path}?reasons=${reasons}` : path;
  const quoted = body.replaceAll("'", "'\\''");
  const bearer = token ? " \\\n  -H \"Authorization: Bearer $NNCLI_TOKEN\"" : "";
  at("curl").textContent = `curl '${new URL(address, location.href)}' \\\n  -H 'Content-Type: application/json'${bearer} \\\n  -d '${quoted}'`;
  at("program").hidden = false;
  try {
    show(await ask(address, { method: "POST", headers: { "Content-Type": "application/json" }, body }));
  } catch (error) {
    refuse(error);
  }
});
begin();
