// Colours, and bytes that become pictures.

const KEPT = new Map();

export function colour(name) {
  if (!KEPT.has(name)) KEPT.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return KEPT.get(name);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  KEPT.clear();
  dispatchEvent(new Event("colours"));
});

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

// Of two classes, the second has the colour of positive numbers.
export function classColour(k, count) {
  if (count === 2) return colour(k ? "plus" : "minus");
  return colour(`c${k % 10}`);
}

export function bytes(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}

export function base64(array) {
  let text = "";
  for (const one of array) text += String.fromCharCode(one);
  return btoa(text);
}

const mix = (a, b, share) => a.map((one, i) => Math.round(one + (b[i] - one) * share));

function paint(canvas, width, height, at) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const [r, g, b] = at(i);
    image.data.set([r, g, b, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

// Bytes from 0 to 254, with 127 for 0: orange below, blue above.
export function paintSigned(canvas, text, width, height = width) {
  const values = bytes(text), none = rgb(colour("none")), plus = rgb(colour("plus")), minus = rgb(colour("minus"));
  const table = Array.from({ length: 256 }, (_, v) => mix(none, v < 127 ? minus : plus, Math.min(1, Math.abs(v - 127) / 127)));
  paint(canvas, width, height, (i) => table[values[i]]);
}

// The predicted class at each place, paler where it is less certain.
export function paintClasses(canvas, classes, certainty, side, count, sharp) {
  const k = bytes(classes), sure = bytes(certainty), paper = rgb(colour("paper"));
  const table = Array.from({ length: Math.max(count, 1) }, (_, i) => rgb(classColour(i, count)));
  const pale = Array.from({ length: 256 }, (_, v) => sharp ? 0.6 : 0.04 + 0.66 * (v / 255));
  paint(canvas, side, side, (i) => mix(paper, table[k[i]] || paper, pale[sure[i]]));
}

// The colour of a predicted number, from its byte.
export function numberColour(value) {
  const [r, g, b] = mix(rgb(colour("none")), rgb(colour(value < 127 ? "minus" : "plus")), Math.min(1, Math.abs(value - 127) / 127));
  return `rgb(${r} ${g} ${b})`;
}

export function paintGrey(canvas, text, width, height) {
  const values = bytes(text);
  paint(canvas, width, height, (i) => [values[i], values[i], values[i]]);
}

// A number as one reads it: five figures at most.
export function short(value, figures = 4) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(figures)));
  return text.replaceAll("-", "−");
}

export const element = (name, settings = {}, ...children) => {
  const made = Object.assign(document.createElement(name), settings);
  made.append(...children);
  return made;
};
