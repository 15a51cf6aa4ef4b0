// One unit: its weights, which can be changed, and its part in the backpropagation of a row, with the chain rule.
import { element, short } from "./draw.js";

const chain = document.getElementById("chain"), note = document.getElementById("unit-note");
const FIRST = "Choose a unit of the network to see and change its weights, or a row on the map to see its backpropagation.";
let state = null, frame = null, chosen = null, found = null, onWeight = () => {};

export function connect(weight) {
  onWeight = weight;
}

export function build(next) {
  state = next;
  found = chosen = frame = null;
  chain.replaceChildren();
  note.textContent = FIRST;
}

export function choose(c, i) {
  chosen = c > 0 ? [c, i] : null;
  render();
}

export function show(next) {
  frame = next;
  if (!chosen) return;
  const weights = frame.weights[chosen[0] - 1];
  chain.querySelectorAll("[data-weight]").forEach((input) => {
    const i = input.dataset.weight;
    const value = i === "b" ? weights.b[chosen[1]] : weights.W[i][chosen[1]];
    if (document.activeElement !== input && !found?.steps) input.value = value;
  });
}

export function backpropagation(next) {
  found = next;
  if (!chosen && next?.layers) chosen = [next.layers.length > 1 ? 1 : next.layers.length, 0];
  render();
  return chosen;
}

export const current = () => chosen;

const signed = (value, figures = 4) => (value < 0 ? `(${short(value, figures)})` : short(value, figures));
const title = (c, i) => (c === 0 ? state.network.inputs[i] ?? found?.names[i] : c === state.network.widths.length - 1
  ? `output ${state.network.outputs[i]}` : `layer ${c}, unit ${i + 1}`);

function sum(terms, more) {
  const shown = terms.length > 8 ? [...terms.slice(0, 7), `… ${terms.length - 7} more`] : terms;
  return [...shown, ...(more ? [more] : [])].join(" + ");
}

function line(rule, numbers, value) {
  const made = element("p", {}, element("span", { className: "rule", textContent: rule }), numbers, numbers ? " = " : "");
  made.append(element("strong", { textContent: value }));
  return made;
}

const after = (text, sign) => text.split(sign)[1]?.trim() ?? text;

function forward(c, j, layer, inputs) {
  const box = element("div", {}, element("h3", { textContent: "Forward" }));
  const terms = inputs.map((a, i) => `${signed(layer.W[i][j])} · ${signed(a)}`);
  box.append(line("z = Σ w · (value of the unit before) + b", sum(terms, signed(layer.b[j])), short(layer.z[j])));
  if (layer.slope.length) {
    const formula = found.formulas[c - 1].split(";")[0].replaceAll("A", "a").replaceAll("Z", "z");
    box.append(line(formula, "a", short(layer.a[j])));
  } else {
    const p = found.p[found.p.length === 2 && layer.z.length === 1 ? 1 : j];
    const numeric = state.task === "regression";
    if (numeric) box.append(line(`the predicted ${state.target}: mean + sd · z`, "", short(found.predicted)));
    else if (found.probabilistic) box.append(line(`the probability of ${state.network.outputs[j]}`, "p", short(p)));
    const its = numeric ? `where ${state.target} is ${found.class}, as the network learns it y = ${short(found.y)}` : `whose class is ${found.class}`;
    box.append(line(`the loss of row ${found.row}, ${its}: ${found.loss_formula.split(";")[0]}`, "L", short(found.loss)));
  }
  return box;
}

function backward(c, j, layer) {
  const box = element("div", {}, element("h3", { textContent: "Back: the chain rule" }));
  if (layer.slope.length) {
    const next = found.layers[c], terms = next.dz.map((dz, k) => `${signed(next.W[j][k])} · ${signed(dz)}`);
    box.append(line("dL/da = Σ (weight to a unit behind) · (dL/dz of that unit)", sum(terms), short(layer.da[j])));
    const slope = after(found.formulas[c - 1], ";").replace(/\(.*\d{4}\)$/, "").replaceAll("A", "a").replaceAll("Z", "z");
    box.append(line(`dL/dz = dL/da · da/dz, with ${slope}`, `${signed(layer.da[j])} · ${signed(layer.slope[j])}`, short(layer.dz[j])));
  } else {
    const rule = after(found.loss_formula, ";"), two = layer.z.length === 1;
    const p = found.p[two ? 1 : j], y = Number(found.place === (two ? 1 : j));
    box.append(line(`dL/dz, from the loss: ${rule}`, rule === "dL/dZ = P − Y" ? `${short(p)} − ${y}` : "dL/dz", short(layer.dz[j])));
  }
  box.append(line("dL/db = dL/dz", "", short(layer.db[j])));
  box.append(element("p", { className: "note", textContent: "And for each weight, dL/dw = dL/dz · (value of the unit before): see the table." }));
  return box;
}

function table(c, j, layer, inputs) {
  const weights = frame.weights[c - 1], picture = c === 1 && state.network.pixels[0] > 0;
  const heads = ["from", "weight", ...(layer ? ["its value", "dL/dw"] : []), ...(found?.after ? ["new weight"] : [])];
  const body = element("tbody"), rows = picture ? [] : weights.W.map((row, i) => i);
  for (const i of [...rows, "b"]) {
    const value = found?.steps && layer ? (i === "b" ? layer.b[j] : layer.W[i][j]) : i === "b" ? weights.b[j] : weights.W[i][j];
    const input = element("input", { type: "number", step: "any", value: Number(Number(value).toFixed(5)) });
    input.dataset.weight = i;
    input.setAttribute("aria-label", i === "b" ? `bias of ${title(c, j)}` : `weight from ${title(c - 1, i)} to ${title(c, j)}`);
    input.onchange = () => Number.isFinite(input.valueAsNumber) && onWeight(c - 1, i === "b" ? null : i, j, input.valueAsNumber);
    const cells = [element("th", { scope: "row", textContent: i === "b" ? "bias b" : title(c - 1, i) }), element("td", {}, input)];
    if (layer) cells.push(element("td", { textContent: i === "b" ? "1" : short(inputs[i]) }), element("td", { textContent: short(i === "b" ? layer.db[j] : layer.dW[i][j]) }));
    if (found?.after) cells.push(element("td", { textContent: short(i === "b" ? found.after[c - 1].b[j] : found.after[c - 1].W[i][j]) }));
    body.append(element("tr", {}, ...cells));
  }
  const head = element("thead", {}, element("tr", {}, ...heads.map((one) => element("th", { scope: "col", textContent: one }))));
  return element("div", { className: "scroll", tabIndex: 0 }, element("table", {}, head, body));
}

export function render() {
  if (!state || !frame) return;
  const layers = found?.layers;
  document.getElementById("forget").hidden = !found;
  if (found?.problem) note.textContent = found.problem;
  else if (!chosen && !layers) note.textContent = FIRST;
  else {
    const about = layers ? `Row ${found.row}, ${state.task === "regression" ? state.target : "class"} ${found.class}, loss ${short(found.loss)}. ` : "";
    const learned = found?.steps ? `These are the numbers before the step; the optimizer, ${found.optimizer}, then made the new weights of its derivatives. ` : "";
    const penalised = ["l1", "l2", "dropout", "input_dropout", "label_smoothing"].some((one) => Number(state.resolved[one]));
    const alone = layers && penalised ? "They are of the loss of this row alone, without penalties and dropout. " : "";
    const averaged = layers && state.resolved.average !== "none" ? "They are of the weights as they are; the pictures show the average of all steps. " : "";
    note.textContent = `${about}${learned}${alone}${averaged}${chosen ? `Shown: ${title(...chosen)}.` : ""}${layers ? " Point at another unit to see it." : " Type a number to change a weight."}`;
  }
  chain.replaceChildren();
  if (!chosen || chosen[1] >= frame.weights[chosen[0] - 1].b.length) return;
  const [c, j] = chosen, layer = layers?.[c - 1], inputs = layers ? (c === 1 ? found.x : layers[c - 2].a) : [];
  if (layer) chain.append(forward(c, j, layer, inputs), backward(c, j, layer));
  chain.append(table(c, j, layer, inputs));
}
