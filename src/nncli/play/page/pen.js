// A digit drawn with the mouse or a finger, and what the network says of it.
import { base64, element, paintGrey, short } from "./draw.js";

const paper = document.getElementById("paper"), seen = document.getElementById("seen"), answers = document.getElementById("answers");
const context = paper.getContext("2d", { willReadFrequently: true });
let state = null, drawing = false, waiting = false, onDraw = () => {};

export function connect(draw) {
  onDraw = draw;
}

export function build(next) {
  state = next;
  document.getElementById("pen").hidden = !state.network.pixels[0];
}

function wipe() {
  context.fillStyle = "#000";
  context.fillRect(0, 0, paper.width, paper.height);
  seen.getContext("2d").clearRect(0, 0, seen.width, seen.height);
  answers.replaceChildren(element("li", { textContent: "Draw in the black square." }));
}

function place(event) {
  const box = paper.getBoundingClientRect();
  return [((event.clientX - box.left) * paper.width) / box.width, ((event.clientY - box.top) * paper.height) / box.height];
}

paper.onpointerdown = (event) => {
  paper.setPointerCapture(event.pointerId);
  drawing = true;
  Object.assign(context, { strokeStyle: "#fff", lineWidth: 11, lineCap: "round", lineJoin: "round" });
  context.beginPath();
  context.moveTo(...place(event));
  paper.onpointermove(event);
};
paper.onpointermove = (event) => {
  if (!drawing) return;
  context.lineTo(...place(event));
  context.stroke();
  ask();
};
paper.onpointerup = paper.onpointercancel = () => {
  drawing = false;
  ask();
};

// Ask for the answer again, while it is drawn and after each step of training; one question at a time.
export function ask() {
  if (waiting || !state?.network.pixels[0]) return;
  const data = context.getImageData(0, 0, paper.width, paper.height).data, ink = new Uint8Array(paper.width * paper.height);
  let any = 0;
  for (let i = 0; i < ink.length; i++) any |= ink[i] = data[4 * i];
  if (!any) return;
  waiting = true;
  onDraw(base64(ink));
}

export function show(found) {
  waiting = false;
  paintGrey(seen, found.picture, found.width, found.height);
  const most = Math.max(...found.p), least = found.probabilistic ? 0 : Math.min(...found.p);
  answers.replaceChildren(...state.classes.map((name, k) => {
    const bar = element("i");
    bar.style.width = `${(100 * (found.p[k] - least)) / (most - least || 1)}%`;
    const value = found.probabilistic ? `${(100 * found.p[k]).toFixed(1)} %` : short(found.p[k], 3);
    return element("li", { className: k === found.predicted ? "first" : "" }, name, element("span", {}, bar), value);
  }));
}

export function free() {
  waiting = false;
}

document.getElementById("wipe").onclick = wipe;
wipe();
