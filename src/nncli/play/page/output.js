// What the network says: the classes over the plane with the rows on it, the figures, and the curve.
import { classColour, colour, element, numberColour, paintClasses, paintSigned, short } from "./draw.js";

const MOST = 2000;
const get = (id) => document.getElementById(id);
const regions = get("regions"), points = get("points"), curve = get("curve"), at = get("at");
let state = null, frame = null, history = [], near = null, marked = null;
let onRow = () => {};

export function connect(row) {
  onRow = row;
}

export function build(next) {
  state = next;
  marked = null;
  history = next.curve.slice();
  const count = state.classes.length, names = numeric() ? state.colours.map((one) => short(one)) : state.classes.slice(0, 20);
  get("classes").replaceChildren(...names.map((name, k) => {
    const dot = element("span", { className: "dot" });
    dot.style.background = numeric() ? numberColour(127 * k) : classColour(k, count);
    return element("span", { title: name }, dot, name.length > 24 ? `${name.slice(0, 23)}…` : name);
  }));
  get("of-curve").textContent = numeric() ? "RMSE" : "accuracy";
  get("only-classes").hidden = numeric();
  points.setAttribute("aria-label", numeric() ? `Predicted ${state.target} at each place, with the rows` : "Predicted class at each place, with the rows");
  get("x-axis").textContent = state.axes[0].title;
  get("y-axis").textContent = state.axes[1].title;
  get("plane").textContent = state.plane;
  get("held-out").textContent = state.rows.test || !state.rows.val ? "test" : "validation";
  drawPoints();
}

export function show(next) {
  frame = next;
  const point = frame.point;
  while (history.length && history.at(-1)[0] >= point[0]) history.pop();
  history.push(point);
  if (history.length > MOST) history = history.filter((_, i) => i % 2 === 0 || i === history.length - 1);
  figures();
  drawCurve();
  drawRegions();
}

const numeric = () => state.task === "regression";

function drawRegions() {
  if (numeric()) {
    if (state.is_curve) regions.getContext("2d").clearRect(0, 0, regions.width, regions.height);
    else paintSigned(regions, frame.maps.numbers, state.grid);
    drawPoints();
    return;
  }
  paintClasses(regions, frame.maps.classes, frame.maps.certainty, state.grid, state.classes.length, get("sharp").checked || !state.probabilistic);
}

function drawFit(context, side) {
  const places = frame?.maps.curve; // that of other data has none
  if (!places?.length) return;
  context.strokeStyle = colour("ink");
  context.lineWidth = 5;
  context.beginPath();
  places.forEach((y, i) => (i ? context.lineTo : context.moveTo).call(context, ((i + 0.5) / places.length) * side, (1 - y) * side));
  context.stroke();
}

const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
const judged = (value) => (numeric() ? `RMSE ${short(value)}` : percent(value));

function figures() {
  const [, loss, accuracy, otherLoss, otherAccuracy] = frame.point, other = get("held-out").textContent;
  const parts = [["training", loss, accuracy, state.rows.train], [other, otherLoss, otherAccuracy, state.rows.test || state.rows.val]];
  get("figures").replaceChildren(...parts.map(([name, l, a, n]) => element("div", {},
    element("dt", { textContent: `${name}, ${n.toLocaleString("en")} rows` }),
    element("dd", {}, judged(a), " ", element("small", { textContent: n ? `loss ${short(l, 3)}` : "" })))));
  if (frame.mistakes !== null) get("figures").append(element("div", {}, element("dt", { textContent: "mistakes in this epoch" }), element("dd", { textContent: frame.mistakes })));
}

function drawCurve() {
  const context = curve.getContext("2d"), { width, height } = curve, accuracy = get("accuracy").checked;
  const left = 66, bottom = 26, series = accuracy ? [2, 4] : [1, 3];
  context.clearRect(0, 0, width, height);
  const known = history.flatMap((one) => series.map((i) => one[i])).filter((one) => one !== null);
  const share = accuracy && !numeric();
  const high = share ? 1 : Math.max(...known, 1e-9), low = share ? Math.min(...known, 1) : Math.min(0, ...known);
  const first = history[0]?.[0] ?? 0, final = Math.max(history.at(-1)?.[0] ?? 1, first + 1);
  const x = (epoch) => left + ((width - left - 6) * (epoch - first)) / (final - first);
  const y = (value) => 8 + (height - bottom - 12) * (1 - (value - low) / (high - low || 1));
  context.font = `20px ${getComputedStyle(document.body).fontFamily}`;
  context.fillStyle = colour("muted");
  context.textAlign = "right";
  context.fillText(share ? "100 %" : short(high, 2), left - 8, 22);
  context.fillText(share ? percent(low).replace(/\.\d/, "") : short(low, 2), left - 8, height - bottom);
  context.fillText(`epoch ${final.toLocaleString("en")}`, width - 4, height - 4);
  context.strokeStyle = colour("line");
  context.lineWidth = 2;
  context.strokeRect(left, 6, width - left - 4, height - bottom - 8);
  series.forEach((place, i) => {
    context.strokeStyle = colour(i ? "ink" : "muted");
    context.lineWidth = i ? 3 : 2.5;
    context.beginPath();
    history.filter((one) => one[place] !== null).forEach((one, j) => (j ? context.lineTo : context.moveTo).call(context, x(one[0]), y(one[place])));
    context.stroke();
  });
  const [, , train, , test] = history.at(-1) ?? [];
  curve.setAttribute("aria-label", `${accuracy ? (share ? "Accuracy" : "RMSE") : "Loss"} of each epoch up to ${final}; ${numeric() ? "" : "accuracy "}now ${judged(train ?? null)} in training, ${judged(test ?? null)} in the test`);
}

function places() {
  const shown = get("show-test").checked ? ["train", "val", "test"] : ["train"];
  return shown.flatMap((part) => {
    const its = state.points[part];
    return its ? its.x.map((x, i) => ({ x, y: its.y[i], k: its.class[i], number: its.number?.[i], row: its.row[i], part })) : [];
  });
}

function drawPoints() {
  const context = points.getContext("2d"), side = points.width, count = state.classes.length;
  context.clearRect(0, 0, side, side);
  drawFit(context, side);
  for (const { x, y, k, row, part } of places()) {
    context.beginPath();
    context.arc(x * side, (1 - y) * side, row === marked && part !== "other" ? 12 : 6, 0, 7);
    context.fillStyle = numeric() ? numberColour(k) : classColour(k, count);
    context.strokeStyle = part === "train" ? colour(numeric() ? "muted" : "paper") : colour("ink");
    context.lineWidth = row === marked ? 5 : 2;
    if (row === marked) context.strokeStyle = colour("ink");
    context.fill();
    context.stroke();
  }
}

export function mark(row) {
  marked = row;
  if (state) drawPoints();
}

points.onpointermove = (event) => {
  if (!state || !frame) return;
  const box = points.getBoundingClientRect(), x = (event.clientX - box.left) / box.width, y = 1 - (event.clientY - box.top) / box.height;
  near = null;
  let best = 0.03 ** 2;
  for (const one of places()) {
    const distance = (one.x - x) ** 2 + (one.y - y) ** 2;
    if (distance < best) [best, near] = [distance, one];
  }
  const place = state.axes.map((axis, i) => short(axis.low + (axis.high - axis.low) * (i ? y : x), 3)).join(", ");
  at.textContent = near ? `row ${near.row + 1}: ${numeric() ? `${state.target} ${short(near.number)}` : state.classes[near.k]} (${near.part === "train" ? "training" : near.part})` : place;
  at.hidden = false;
  const left = x > 0.55;
  at.style.transform = `translate(${x * box.width + (left ? -8 : 10)}px, ${(1 - y) * box.height - 28}px)${left ? " translateX(-100%)" : ""}`;
};
points.onpointerleave = () => { at.hidden = true; };
points.onclick = (event) => { points.onpointermove(event); if (near) onRow(near.row, near.part); };
get("accuracy").onchange = () => frame && drawCurve();
get("sharp").onchange = () => frame && drawRegions();
get("show-test").onchange = () => state && drawPoints();
addEventListener("colours", () => { if (state && frame) { build({ ...state, curve: history }); show(frame); } });
