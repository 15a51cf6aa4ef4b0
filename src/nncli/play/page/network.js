// The network: a tile for each unit, with what it says over the plane, and a line for each weight.
import { colour, classColour, element, paintSigned, short } from "./draw.js";

const TOP = 46;
let NAME = 84;
const sheet = document.getElementById("sheet"), lines = document.getElementById("lines");
const hint = document.getElementById("hint");
let tiles = [], paths = [], state = null, last = null, chosen = null, derivatives = null;
let onChoose = () => {}, onLayers = () => {};

export function connect(choose, layers) {
  onChoose = choose;
  onLayers = layers;
}

const hidden = () => state.network.widths.slice(1, -1);

// What has the keyboard's focus, by its name, and giving that back when it was drawn anew.
const named = () => document.activeElement?.closest("#net") && document.activeElement.getAttribute("aria-label");
const focus = (name) => name && document.getElementById("net").querySelector(`[aria-label="${CSS.escape(name)}"]`)?.focus();

function add(widths) {
  onLayers(widths.join("x"));
}

function heads(column, x) {
  const widths = hidden(), l = column - 1, head = element("div", { className: "head" });
  Object.assign(head.style, { left: `${x - 64}px`, zIndex: 1 });
  if (column === 0) head.append(element("b", { textContent: "Inputs" }));
  else if (column > widths.length) head.append(element("b", { textContent: "Output" }));
  else {
    const less = element("button", { className: "small", type: "button", textContent: "−", title: "One unit less", disabled: widths[l] < 2 });
    const more = element("button", { className: "small", type: "button", textContent: "+", title: "One unit more" });
    less.setAttribute("aria-label", `One unit less in layer ${column}`);
    more.setAttribute("aria-label", `One unit more in layer ${column}`);
    less.onclick = () => add(widths.map((one, i) => one - (i === l)));
    more.onclick = () => add(widths.map((one, i) => one + (i === l)));
    head.append(less, " ", element("b", { textContent: widths[l] }), " ", more, element("br"),
      `${widths[l] === 1 ? "unit" : "units"}, ${state.network.activations[l] || ""}`);
  }
  return head;
}

export function showLayers() {
  const widths = hidden(), place = document.getElementById("layers"), focused = named();
  const less = element("button", { className: "small", type: "button", textContent: "−", title: "Remove the last hidden layer", disabled: !widths.length });
  const more = element("button", { className: "small", type: "button", textContent: "+", title: "Add a hidden layer", disabled: widths.length > 5 });
  less.setAttribute("aria-label", "Remove the last hidden layer");
  more.setAttribute("aria-label", "Add a hidden layer");
  less.onclick = () => add(widths.slice(0, -1));
  more.onclick = () => add([...widths, widths.length ? Math.min(widths.at(-1), 4) : 4]);
  place.replaceChildren(less, element("b", { textContent: widths.length }), widths.length === 1 ? "hidden layer" : "hidden layers", more);
  focus(focused);
}

function nameOf(column, unit) {
  const network = state.network;
  if (column === 0) return network.inputs[unit];
  if (column === network.widths.length - 1) return network.outputs[unit];
  return `layer ${column}, unit ${unit + 1}`;
}

const isPicture = () => state.network.pixels[0] > 0;

// Places of the units of each column: [x, y] of the middle of each.
function layout() {
  const { shown } = state.network, rows = shown.map((n, i) => (i === 0 && isPicture() ? 1 : n));
  const most = Math.max(...rows, 2), size = most > 10 ? 26 : most > 6 ? 32 : 40;
  const step = size + (derivatives ? 30 : most > 10 ? 8 : 14);
  const room = document.getElementById("board").clientWidth, columns = shown.length, narrow = room < 500;
  NAME = narrow ? 60 : 104;
  const width = Math.max(room, 2 * NAME + (narrow ? (derivatives ? 100 : 84) : 120) * (columns - 1) + size), height = TOP + most * step + 34;
  const gap = (width - 2 * NAME - size) / Math.max(columns - 1, 1);
  const places = rows.map((n, c) => Array.from({ length: n }, (_, i) => [NAME + size / 2 + c * gap, TOP + size / 2 + 6 + (most - n) * step / 2 + i * step]));
  return { size, step, width, height, places };
}

export function build(next) {
  state = next;
  chosen = last = derivatives = null;
  draw();
}

export function draw() {
  if (!state) return;
  const { size, width, height, places } = layout(), network = state.network, end = places.length - 1;
  const focused = named();
  Object.assign(sheet.style, { width: `${width}px`, height: `${height}px` });
  lines.setAttribute("width", width);
  lines.setAttribute("height", height);
  lines.replaceChildren();
  sheet.replaceChildren(lines);
  tiles = places.map((units, c) => units.map(([x, y], i) => tile(c, i, x, y, size)));
  paths = [];
  places.forEach((units, c) => {
    sheet.append(heads(c, units[0][0]));
    const more = network.widths[c] - network.shown[c];
    if (more > 0 && !(c === 0 && isPicture())) {
      const note = element("span", { className: "name", textContent: `+ ${more} more` });
      Object.assign(note.style, { left: `${units[0][0] - 40}px`, width: "80px", textAlign: "center", top: `${units.at(-1)[1] + size / 2 + (derivatives ? 28 : 3)}px` });
      sheet.append(note);
    }
    if (c > 0) paths.push(units.map(([x, y], j) => places[c - 1].map(([fromX, fromY], i) => line(c, i, j, fromX + size / 2, fromY, x - size / 2, y))));
    if (c === 0 || c === end) units.forEach(([x, y], i) => sheet.append(label(c, i, x, y, size)));
  });
  if (last) show(last);
  focus(focused);
}

function label(c, i, x, y, size) {
  const picture = c === 0 && isPicture(), [h, w] = state.network.pixels;
  const made = element("span", { className: c ? "name" : "name left", textContent: picture ? `${h} × ${w} pixels` : nameOf(c, i).replaceAll("_", "_\u200b"), title: nameOf(c, i) });
  Object.assign(made.style, { width: `${NAME - 8}px`, top: `${y - 9}px`, left: c ? `${x + size / 2 + 6}px` : `${x - size / 2 - NAME + 2}px` });
  return made;
}

function tile(c, i, x, y, size) {
  const made = element("button", { className: "tile", type: "button" }), canvas = element("canvas", { width: 24, height: 24 });
  made.dataset.at = `${c},${i}`;
  made.setAttribute("aria-label", c && c < state.network.widths.length - 1 ? nameOf(c, i) : `${c ? "output" : "input"} ${nameOf(c, i)}`);
  made.tabIndex = c === 0 && i === 0 ? 0 : -1;
  Object.assign(made.style, { left: `${x - size / 2}px`, top: `${y - size / 2}px`, width: `${size}px`, height: `${size}px` });
  made.append(canvas);
  if (c > 0) {
    made.append(element("span", { className: "bias" }));
    made.onclick = () => choose(c, i);
    made.onpointerenter = () => { hint.textContent = `${nameOf(c, i)}: bias ${short(last?.weights[c - 1].b[i])}`; onChoose(c, i, true); };
    if (c === state.network.widths.length - 1 && state.network.outputs.length > 1) made.style.borderColor = classColour(i, state.classes.length);
  }
  made.onkeydown = (event) => move(event, c, i);
  if (chosen && chosen[0] === c && chosen[1] === i) made.classList.add("chosen");
  sheet.append(made);
  return { button: made, canvas };
}

function move(event, c, i) {
  const by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  if (!by) return;
  event.preventDefault();
  const column = tiles[Math.min(Math.max(c + by[0], 0), tiles.length - 1)];
  const to = column[Math.min(Math.max(i + by[1], 0), column.length - 1)].button;
  tiles.flat().forEach((one) => { one.button.tabIndex = -1; });
  to.tabIndex = 0;
  to.focus();
  hint.textContent = to.getAttribute("aria-label");
}

export function choose(c, i) {
  chosen = [c, i];
  tiles.flat().forEach((one) => one.button.classList.toggle("chosen", one.button.dataset.at === `${c},${i}`));
  onChoose(c, i, false);
}

const NS = "http://www.w3.org/2000/svg";

function line(c, i, j, x1, y1, x2, y2) {
  const bend = (x2 - x1) / 2, d = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  const touch = document.createElementNS(NS, "path"), path = document.createElementNS(NS, "path");
  touch.setAttribute("class", "touch");
  touch.setAttribute("d", d);
  path.setAttribute("d", d);
  if (c === 1 && isPicture()) path.setAttribute("stroke", colour("line"));
  else {
    touch.addEventListener("pointerenter", () => { hint.textContent = `weight from ${nameOf(c - 1, i)} to ${nameOf(c, j)}: ${short(last?.weights[c - 1].W[i][j])}. Click to change it.`; });
    touch.addEventListener("click", () => { choose(c, j); document.querySelector(`[data-weight="${i}"]`)?.select(); });
    lines.append(touch);
  }
  lines.append(path);
  return path;
}

export function show(frame) {
  last = frame;
  const picture = isPicture(), end = tiles.length - 1;
  tiles.forEach((units, c) => units.forEach(({ canvas, button }, i) => {
    let text = c === 0 ? state.inputs[i] : c === end ? frame.maps.outputs[i] : frame.maps.units[c - 1].maps[i];
    if (picture && c === 1 && c < end && frame.pictures[i]) {
      paintSigned(canvas, frame.pictures[i], state.network.pixels[1], state.network.pixels[0]);
      text = null;
    }
    if (picture && c === 0) text = null;
    if (text) paintSigned(canvas, text, 24);
    const bias = button.querySelector(".bias");
    if (bias) bias.style.background = colour(frame.weights[c - 1].b[i] < 0 ? "minus" : "plus");
  }));
  paths.forEach((columns, c) => columns.forEach((incoming, j) => incoming.forEach((path, i) => {
    if (c === 0 && picture) return;
    const w = frame.weights[c].W[i][j];
    path.setAttribute("stroke", colour(w < 0 ? "minus" : "plus"));
    path.setAttribute("stroke-width", Math.min(0.4 + 2.2 * Math.abs(w), 9).toFixed(2));
    path.setAttribute("stroke-opacity", (0.25 + 0.65 * Math.min(1, Math.abs(w))).toFixed(2));
  })));
}

// The values of one row beside the units: forward in black, dL/dz in orange.
export function flow(found) {
  const changed = Boolean(found?.layers) !== Boolean(derivatives);
  derivatives = found?.layers ? found : null;
  if (changed) draw();
  sheet.querySelectorAll(".flow").forEach((one) => one.remove());
  if (!derivatives) return;
  const picture = isPicture();
  tiles.forEach((units, c) => units.forEach(({ button }, i) => {
    if (picture && c === 0) return;
    const layer = derivatives.layers[c - 1], value = c === 0 ? derivatives.x[i] : layer.a[i];
    const made = element("span", { className: "flow" }, short(value, 3));
    if (c) made.append(element("br"), element("i", { textContent: `∂ ${short(layer.dz[i], 3)}` }));
    Object.assign(made.style, { left: `${button.offsetLeft - 20}px`, width: `${button.offsetWidth + 40}px`, top: `${button.offsetTop + button.offsetHeight + 1}px` });
    sheet.append(made);
  }));
}

new ResizeObserver(() => { draw(); if (derivatives) flow(derivatives); }).observe(document.getElementById("board"));
addEventListener("colours", () => { draw(); if (derivatives) flow(derivatives); });
