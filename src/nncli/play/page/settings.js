// The choices above the network and beside the data, and the state in the address.
import { element } from "./draw.js";

const get = (id) => document.getElementById(id);
const LABELS = { model: "Model", activation: "Activation", loss: "Loss", optimizer: "Optimizer", lr: "Learning rate", batch_size: "Rows in a step",
  l2: "L2 penalty", dropout: "Dropout", l1: "L1 penalty", average: "Average", scale: "Scaling", init: "Initial weights", seed: "Seed" };
// what belongs to a model, and is forgotten when another is chosen
export const OF_MODEL = ["hidden", "activation", "loss", "optimizer", "lr", "batch_size", "l1", "l2", "dropout", "average", "init", "input_dropout",
  "max_norm", "clip_norm", "label_smoothing"];
export const OF_COLUMNS = ["target", "drop", "only", "categorical", "numeric"];
const PLAIN = new Set(["lr", "l1", "l2", "dropout", "batch_size"]);
const FIRST = 8; // of them, that are always shown
let known = null, onChange = () => {};

export function build(hello, change) {
  known = hello;
  onChange = change;
  const form = get("settings");
  form.onsubmit = (event) => event.preventDefault();
  const made = Object.entries(LABELS).map(([name, text]) => {
    const input = name === "seed" ? element("input", { type: "number", min: 0, step: 1 }) : element("select");
    input.id = `option-${name}`;
    input.title = (hello.help[name] ?? "").split("\n")[0].replace(/: \{.*$/, ".");
    input.onchange = () => onChange(name, input.value);
    return element("label", {}, text, input);
  });
  get("first").replaceChildren(...made.slice(0, FIRST));
  get("rest").replaceChildren(...made.slice(FIRST));
}

// Names between commas, as the command line has them.
const list = (names) => names.map((one) => (/[,"'\s]/.test(one) || !one ? `"${one.replaceAll('"', '""')}"` : one)).join(",");

function showColumns(state) {
  const others = state.columns.filter((one) => one !== state.target);
  get("columns").hidden = state.is_model || others.length < 2;
  get("columns").querySelector("div").replaceChildren(...others.map((name) => {
    const box = element("input", { type: "checkbox", checked: state.used.includes(name) });
    box.onchange = () => {
      const left = others.filter((one) => (one === name ? !box.checked : !state.used.includes(one)));
      if (left.length === others.length) box.checked = true;
      else onChange("drop", list(left));
    };
    return element("label", {}, box, name);
  }));
}

export function show(state) {
  for (const name of Object.keys(LABELS)) {
    const input = get(`option-${name}`), value = state.resolved[name] || (PLAIN.has(name) ? "0" : "");
    if (name === "seed") {
      input.value = value;
      continue;
    }
    const words = known.choices[name].filter((one) => !one.tasks || one.tasks.includes(state.task)).map((one) => ({ ...one }));
    if (name === "init") words.unshift({ value: "", help: "what suits the activation" });
    if (value && !words.some((one) => one.value === value)) words.push({ value, help: "" });
    if (PLAIN.has(name) && name !== "batch_size") words.sort((a, b) => Number(a.value) - Number(b.value));
    input.replaceChildren(...words.map((one) => element("option", { value: one.value, textContent: one.value || "by activation", title: one.help, selected: one.value === value })));
    input.value = value;
  }
  const hidden = state.network.widths.length > 2;
  get("option-activation").disabled = get("option-dropout").disabled = !hidden;
  if (!hidden) get("option-activation").value = "";
  get("formula").textContent = known.formulas[state.resolved.model] ?? "";
  get("noise").value = state.noise;
  get("noise-value").textContent = state.noise ? `${Math.round(100 * state.noise)} %` : "none";
  const all = state.rows.train + state.rows.val + state.rows.test;
  const share = Number(state.resolved.test || state.rows.test / all);
  get("test").value = share;
  get("test").disabled = !state.resolved.test && state.rows.test > 0 || state.is_model;
  get("test-value").textContent = `${Math.round(100 * share)} %`;
  get("rows").textContent = `${state.rows.train.toLocaleString("en")} training rows${state.rows.val ? `, ${state.rows.val.toLocaleString("en")} for validation` : ""}, ${state.rows.test.toLocaleString("en")} test rows; ${state.network.widths[0]} ${state.network.widths[0] === 1 ? "input" : "inputs"}, ${state.task === "regression" ? "1 number to predict" : `${state.classes.length} classes`}, ${state.network.parameters.toLocaleString("en")} parameters.`;
  const fill = (id, words, chosen) => {
    get(id).replaceChildren(...words.map(([value, text]) => element("option", { value, textContent: text })));
    get(id).value = chosen;
  };
  get("target-label").hidden = state.is_model || state.columns.length < 3;
  fill("target", state.columns.map((one) => [one, one]), state.target);
  const axes = [["", "components"], ...state.numbers.map((one) => [one, one])];
  get("axes").hidden = state.numbers.length < 3 && state.columns.length < 4;
  fill("across", axes, state.seen[0] ?? "");
  fill("up", axes, state.seen[1] ?? "");
  showColumns(state);
  get("notes").hidden = !state.notes.length;
  get("notes").querySelector("ul").replaceChildren(...state.notes.map((one) => element("li", { textContent: one })));
}

export function showItems(items, key) {
  const groups = { bundled: "Comes with nncli", given: "From the command line", dropped: "Dropped here" };
  get("item").replaceChildren(...Object.entries(groups).flatMap(([prefix, label]) => {
    const its = items.filter((one) => one.key.startsWith(`${prefix}:`));
    return its.length ? [element("optgroup", { label }, ...its.map((one) => element("option", { value: one.key, textContent: one.name })))] : [];
  }));
  get("item").value = key;
}

// In the address: data, noise, the two columns, and each option that was chosen.
export function written(asked) {
  const found = new URLSearchParams({ data: asked.data });
  if (asked.noise) found.set("noise", asked.noise);
  asked.columns.forEach((one) => found.append("look", one));
  Object.entries(asked.options).filter(([, value]) => value).forEach(([name, value]) => found.set(name, value));
  return `#${found}`;
}

export function read(text, names) {
  const found = new URLSearchParams(text.replace(/^#/, ""));
  if (!found.has("data")) return null;
  const noise = Number(found.get("noise") ?? 0);
  const options = Object.fromEntries([...found].filter(([name]) => names.includes(name)));
  const columns = found.getAll("look");
  return { data: found.get("data"), noise: Number.isFinite(noise) ? Math.min(Math.max(noise, 0), 5) : 0, columns: columns.length === 2 ? columns : [], options };
}
