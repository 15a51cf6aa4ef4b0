// A trained model, written by nncli: predict @TARGET@ from a row. An ES module for browsers, node, deno and bun.
//
//     import { predict } from "./@NAME@.mjs";
//     predict(@EXAMPLE@);
//
// A row is an object from column to cell: a number, a string, or null where it is missing. A date is a string such as
// 2026-11-21 or 2026-11-21T17:30:00 (UTC, if it has no zone), a Date, or the days since 1970-01-01.
@ABSENT@// check() predicts the golden rows, and compares the answers with those of nncli.

const LARGEST_INPUT = 1e15, LARGEST_SCORE = 1e30, LARGEST_FLOAT32 = 3.4028234663852886e38;
const FIRST_DAY = -719162, LAST_DAY = 2932896; // the years 1 to 9999, in days since 1970
const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ]((?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/;
const PLAIN = /^([+-]?)(?=\.?[0-9])((?:0|[1-9][0-9]{0,14})?(?:\.[0-9]*)?)$/; // in a text: 007 is another one than 7
// Around a text: blanks of any kind, also of no width; soft hyphens, byte order marks, marks of direction.
const UNSEEN = /^[@UNSEEN@]+|[@UNSEEN@]+$/g;
const NUMBER = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;

// Returns { prediction: class, probabilities: { class: p } } for a row, scores where the model has no probabilities, or
// { prediction: number }. Throws an Error for a row without a column, or a cell of another kind.
export function predict(row) {
  const z = forward(...inputs(row));
  if (MODEL.task === "regression") return { prediction: rounded(OUTPUT.mean + OUTPUT.sd * z[0], OUTPUT.unit) };
  const p = byClass(z);
  const named = Object.fromEntries(CLASSES.map((name, k) => [name, p[k]]));
  return { prediction: CLASSES[decide(z, p)], [OUTPUT.probabilities ? "probabilities" : "scores"]: named };
}

// The inputs of the network: numbers and dates scaled, and 1 for the category of each text; and, as pairs of place and
// value, inputs of which nearly all are 0.
function inputs(row) {
  const x = [];
  for (const column of DENSE) {
    const { name, kind } = column, cell = cellOf(row, name);
    if (kind === "text") {
      const code = codeOf(cell, column);
      for (let i = 0; i < column.inputs; i++) x.push(i === code ? 1 : 0);
    } else if (kind === "number") {
      x.push(inputOf(cell, column));
    } else {
      const parts = partsOfDate(daysOf(cell, name), column.first);
      const { median, shift, scale, clip } = column;
      parts.forEach((part, i) => x.push(scaled(part, median[i], shift[i], scale[i], clip)));
    }
  }
  return [x, @FOUND@];
}

// The cell of a column.
function cellOf(row, name) {
  if (Object.hasOwn(row, name) && row[name] !== undefined) return row[name];
  throw new Error(`column "${name}": expected a cell, found none; give null for a missing one`);
}

// The input of a number.
function inputOf(cell, { name, median, shift, scale, clip }) {
  const value = numberOf(cell, name);
  return scaled(MODEL.reads === "float32" ? Math.fround(value) : value, median, shift, scale, clip);
}

// A cell as a number, NaN where it is missing.
function numberOf(cell, name) {
  if (cell === null || (typeof cell === "string" && ["", "nan"].includes(cell.trim().toLowerCase()))) return NaN;
  if (Number.isNaN(cell)) return NaN;
  const isNumber = typeof cell === "string" ? NUMBER.test(cell.trim()) : typeof cell !== "object";
  const value = isNumber ? Number(cell) : NaN;
  if (Math.abs(value) <= LARGEST_NUMBER) return value;
  const found = typeof cell === "number" ? cell : JSON.stringify(cell);
  throw new Error(`column "${name}": expected a finite number or null, found ${found}`);
}

// A date as days since 1970, NaN where it is missing.
function daysOf(cell, name) {
  const isText = typeof cell === "string" && cell.trim() !== "", isDate = isText || cell instanceof Date;
  const days = isText ? daysOfText(cell.trim()) : isDate ? cell.getTime() / 86400000 : numberOf(cell, name);
  if (Number.isNaN(days) ? isDate : days < FIRST_DAY || days >= LAST_DAY + 1)
    throw new Error(`column "${name}": expected a date such as 2026-11-21, found ${isText ? JSON.stringify(cell) : cell}`);
  return days;
}

// A text as days since 1970, NaN for what is no date: Date.parse would take the 31st of February.
function daysOfText(text) {
  const [found, day, time, zone] = text.match(DATE) ?? [];
  const start = Date.parse(`${day}T00:00Z`);
  if (!found || Number.isNaN(start) || !new Date(start).toISOString().startsWith(day)) return NaN;
  return Date.parse(`${day}T${time ?? "00:00"}${zone ?? "Z"}`) / 86400000;
}

// The days since the first date in training, the day of the year and the weekday (Monday is 0).
function partsOfDate(days, first) {
  const whole = Math.floor(days);
  const year = new Date(whole * 86400000).getUTCFullYear();
  const start = new Date(0).setUTCFullYear(year) / 86400000;
  return [days - first, whole - start + 1, (((whole + 3) % 7) + 7) % 7];
}

// x = (value - shift) * scale, of the median where the value is missing; with a clip, x / sqrt(1 + (x / clip)^2).
function scaled(value, median, shift, scale, clip) {
  const largest = Number.MAX_VALUE;
  const product = Math.min(Math.max((Number.isNaN(value) ? median : value) - shift, -largest), largest) * scale;
  const x = Math.min(Math.max(product, -LARGEST_INPUT), LARGEST_INPUT);
  return clip ? x / Math.sqrt(1 + (x / clip) ** 2) : x;
}

// Which input a text sets to 1: that of its category, or else the last one.
function codeOf(cell, column) {
  const text = textOf(cell);
  if (text === null) return column.missing;
  const known = [text, usual(text)].find((one) => Object.hasOwn(column.codes, one));
  return known === undefined ? column.inputs - 1 : column.codes[known];
}

// A cell as a text without what nobody sees around it, composed; null where it is null or NaN.
function textOf(cell) {
  if (cell === null || Number.isNaN(cell)) return null;
  const visible = String(cell).replace(UNSEEN, "");
  // ="007" is how programs write a text for Excel
  return (/^="[^]+"$/.test(visible) ? visible.slice(2, -1) : visible).normalize("NFC");
}

// A number and a flag in the one way that stands for all: 1.0 is 1, .5 is 0.5, and TRUE is true.
function usual(text) {
  const [found, sign, digits] = text.match(PLAIN) ?? [];
  if (found === undefined) return /^(true|false)$/i.test(text) ? text.toLowerCase() : text;
  const value = Number(text);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  return sign.replace("+", "") + (digits.startsWith(".") ? "0" : "") + digits;
}

// The scores z of the last layer.
function forward(x, found) {
  const scores = MEMBERS.map((layers) => scoresOf(layers, x, found));
  return MODEL.mean ? mean(scores) : scores[0];
}

// The scores of which sigmoid or softmax is the mean of those of the members; or their mean.
function mean(scores) {
  const byOutput = (rows) => rows[0].map((_, k) => rows.map((row) => row[k]));
  if (MODEL.mean === "identity") return byOutput(scores).map(meanOf);
  if (MODEL.mean === "sigmoid") {
    const half = (values, sign) => logMean(values.map((z) => -softplus(sign * z)));
    return byOutput(scores).map((values) => half(values, -1) - half(values, 1));
  }
  const logarithms = scores.map((z) => {
    const top = Math.max(...z), sum = top + Math.log(z.reduce((total, value) => total + Math.exp(value - top), 0));
    return z.map((value) => value - sum);
  });
  return byOutput(logarithms).map(logMean);
}

// The logarithm of the mean of numbers, from their logarithms.
function logMean(values) {
  const top = Math.max(...values);
  return top + Math.log(meanOf(values.map((value) => Math.exp(value - top))));
}

// The mean of a number of each member, with the shares that the members have in it.
function meanOf(values) {
  return values.reduce((total, value, i) => total + SHARES[i] * value, 0);
}

// The scores of the last layer of a network, of inputs x and of those found, as pairs of place and value.
function scoresOf(layers, x, found) {
  for (const { weights, rows, biases, activation, slopes } of layers) {
    const z = Float64Array.from(biases), units = z.length;
    for (let i = 0; i < x.length; i++) {
      const value = x[i];
      if (value !== 0) for (let j = 0, k = i * units; j < units; j++, k++) z[j] += value * weights[k];
    }
    for (const [i, value] of found) for (let j = 0, k = i * units; j < units; j++, k++) z[j] += value * rows[k];
    for (let j = 0; j < units; j++) z[j] = activation(z[j], slopes[j]);
    [x, found] = [z, []];
  }
  return Array.from(x);
}

// The nearest multiple of a unit, which is a power of ten: what is beyond are rounding errors.
function rounded(value, unit) {
  const parts = Math.round(1 / unit);
  return unit >= 1 ? Math.round(value / unit) * unit : Math.round(value * parts) / parts;
}

// The probability of each class, or its score.
function byClass(z) {
  if (OUTPUT.calibration) {
    const { a, b } = OUTPUT.calibration;
    z = z.map((value) => Math.min(Math.max(a * value + b, -LARGEST_SCORE), LARGEST_SCORE));
  }
  if (z.length === 1) z = [2 * OUTPUT.border - z[0], z[0]];
  if (OUTPUT.link === "identity") return z;
  const largest = Math.max(...z);
  const p = z.map((value) => (OUTPUT.link === "softmax" ? Math.exp(value - largest) : sigmoid(value)));
  const sum = p.reduce((a, b) => a + b, 0);
  return p.map((value) => value / sum);
}

// The position of the predicted class.
function decide(z, p) {
  if (OUTPUT.threshold !== null) return p[OUTPUT.positive] >= OUTPUT.threshold ? OUTPUT.positive : 1 - OUTPUT.positive;
  if (OUTPUT.costs) {
    const expected = expectedCosts(p);
    return expected.indexOf(Math.min(...expected));
  }
  if (z.length === 1) return p[1] >= p[0] ? 1 : 0;
  return z.length === 2 ? (z[1] >= z[0] ? 1 : 0) : z.indexOf(Math.max(...z));
}

// The expected cost of each class, if it is predicted.
function expectedCosts(p) {
  return p.map((_, k) => p.reduce((sum, value, j) => sum + value * OUTPUT.costs[j][k], 0));
}

function sigmoid(z) {
  return 1 / (1 + Math.exp(-Math.min(Math.max(z, -80), 80)));
}

function relu(z) {
  return z > 0 ? z : 0;
}

// log(1 + e^z), without overflow.
function softplus(z) {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

function step(z) {
  return z >= 0 ? 1 : 0;
}

function sign(z) {
  return z >= 0 ? 1 : -1;
}

const exp = Math.exp, tanh = Math.tanh, arctan = Math.atan, cos = Math.cos;

// Predicts the golden rows, and compares with the answers of nncli. Returns the largest difference; throws an Error for
// one that is too large, or another class where the first two are not level.
export function check() {
  const { rows, answers, tolerances, predictions } = MODEL.golden;
  let largest = 0;
  rows.forEach((row, i) => {
    const found = predict(row);
    const named = found.probabilities ?? found.scores;
    const values = named ? CLASSES.map((name) => named[name]) : [found.prediction];
    const difference = Math.max(...values.map((value, k) => Math.abs(value - answers[i][k])));
    if (!(difference <= tolerances[i])) throw new Error(`golden row ${i + 1}: expected ${answers[i]}, found ${values}`);
    if (predictions && found.prediction !== predictions[i] && !isLevel(answers[i], tolerances[i]))
      throw new Error(`golden row ${i + 1}: expected ${predictions[i]}, found ${found.prediction}`);
    largest = Math.max(largest, difference);
  });
  return largest;
}

// Whether rounding may decide between two classes.
function isLevel(answers, tolerance) {
  let near = 1e-5 + 2 * tolerance;
  if (OUTPUT.threshold !== null) return Math.abs(answers[OUTPUT.positive] - OUTPUT.threshold) <= near;
  if (OUTPUT.costs) near *= Math.max(...OUTPUT.costs.flat().map(Math.abs));
  const [first, second] = (OUTPUT.costs ? expectedCosts(answers).map((cost) => -cost) : answers.slice()).sort((a, b) => b - a);
  return first - second <= near;
}

@ACTIVATIONS@

export const MODEL =
@DESCRIPTION@;
const OUTPUT = MODEL.output, CLASSES = MODEL.classes;
const DENSE = MODEL.columns.filter(({ kind }) => kind !== "words" && !MODEL.sparse);
const LARGEST_NUMBER = MODEL.reads === "float32" ? LARGEST_FLOAT32 : Number.MAX_VALUE;
const Numbers = MODEL.dtype === "float32" ? Float32Array : Float64Array;
const MEMBERS = (MODEL.members ?? [MODEL.layers]).map((layers) => layers.map(({ weights, biases, activation, slopes }) => ({
  weights: Numbers.from(weights.flat()), biases: Numbers.from(biases), slopes: Numbers.from(slopes),
  activation: ACTIVATIONS[activation],
})));
const SHARES = MODEL.shares ?? MEMBERS.map(() => 1 / MEMBERS.length);
@MORE@