
// Texts: their words and sequences of these, and sequences of characters, are hashed to inputs. All hashes are whole
// numbers of 64 bits without a sign, in two halves: functions return the lower one, and leave the upper one in `upper`.
const [BASE_HIGH, BASE_LOW] = [@BASE@], [WORD_HIGH, WORD_LOW] = [@WORD_BASE@];
const SINGLE = "@SINGLES@"; // a word by itself: each character of Chinese and Japanese, ! and ?, and pictographs
const HIDDEN = /[@HIDDEN@]/gu; // not seen: joiners of letters, selectors of variations
const RUNS = new RegExp(`[\\p{L}\\p{N}\\p{M}_${SINGLE}]+`, "gu"); // letters, digits, marks, underscores
const PARTS = new RegExp(`[${SINGLE}]|[^${SINGLE}]+`, "gu");
const BLANKS = /[@BLANKS@]+/;
let upper = 0;

// The inputs that are not 0, each with its place: of each column a vector of length 1, and their sum.
function wordsIn(row) {
  const total = new Map();
  for (const column of WORD_COLUMNS) {
    const x = [];
    let squares = 0;
    for (const [i, c] of countsIn(cellOf(row, column.name), column)) {
      const value = c && Math.sign(c) * (1 + Math.log(Math.abs(c))) * IDF[i];
      x.push([i, value]);
      squares += value * value;
    }
    for (const [i, value] of x) if (value) total.set(i, (total.get(i) ?? 0) + value / Math.sqrt(squares));
  }
  return [...total];
}

// How often a cell has each of the inputs that training knew, by their places: each n-gram counts 1 or -1.
function countsIn(cell, { missing, salts }) {
  const counts = new Map(), found = textOf(cell);
  if (found === null || missing.includes(found) || found.toLowerCase() === "nan") return counts;
  const text = normalised(usual(found));
  if (NGRAMS.words) countWords(text, counts, salts.words);
  if (NGRAMS.chars) for (const piece of text.split(BLANKS)) if (piece) countCharacters(` ${piece} `, counts, salts.chars);
  return counts;
}

// A text in the form NFKC, in lower case, without characters that are not seen.
function normalised(text) {
  return text.normalize("NFKC").toLowerCase().replace(HIDDEN, "");
}

// The words of a normalised text.
function wordsOf(text) {
  return (text.match(RUNS) ?? []).flatMap((run) => run.match(PARTS));
}

function countWords(text, counts, salt) {
  const [shortest, longest] = NGRAMS.words;
  const highs = [], lows = [];
  for (const word of wordsOf(text)) {
    let high = 0, low = 0;
    for (const character of word) {
      low = multiplyAdd(BASE_HIGH, BASE_LOW, 0, character.codePointAt(0) + 1, high, low);
      high = upper;
    }
    highs.push(high);
    lows.push(low);
  }
  for (let i = 0; i < lows.length; i++) {
    let high = 0, low = 0;
    for (let n = 1; n <= longest && i + n <= lows.length; n++) {
      low = multiplyAdd(WORD_HIGH, WORD_LOW, highs[i + n - 1], lows[i + n - 1], high, low);
      high = upper;
      if (n >= shortest) count(high, low, counts, salt);
    }
  }
}

// Counts the sequences of characters in a piece with a blank before and behind it; a shorter one counts as a whole.
function countCharacters(piece, counts, salt) {
  const codes = Array.from(piece, (character) => character.codePointAt(0) + 1);
  const [least, longest] = NGRAMS.chars, shortest = Math.min(least, codes.length);
  for (let i = 0; i < codes.length; i++) {
    let high = 0, low = 0;
    for (let n = 1; n <= longest && i + n <= codes.length; n++) {
      low = multiplyAdd(BASE_HIGH, BASE_LOW, 0, codes[i + n - 1], high, low);
      high = upper;
      if (n >= shortest) count(high, low, counts, salt);
    }
  }
}

// Counts an n-gram by its hash, where training knew it.
function count(high, low, counts, salt) {
  low = multiplyAdd(0, 1, salt[0], salt[1], high, low);
  high = upper;
  low = multiplyAdd(0xbf58476d, 0x1ce4e5b9, 0, 0, high ^ (high >>> 30), low ^ (high << 2) ^ (low >>> 30));
  high = upper;
  low = multiplyAdd(0x94d049bb, 0x133111eb, 0, 0, high ^ (high >>> 27), low ^ (high << 5) ^ (low >>> 27));
  high = upper;
  const place = KNOWN.get((low ^ (high << 1) ^ (low >>> 31)) & LOWEST_BITS);
  if (place !== undefined) counts.set(place, (counts.get(place) ?? 0) + (high < 0 ? -1 : 1));
}

// x * factor + term, where x is (high, low), by products of halves of 16 bits. All halves of 32 bits have a sign.
function multiplyAdd(factorHigh, factorLow, termHigh, termLow, high, low) {
  const a = low & 0xffff, b = low >>> 16, c = factorLow & 0xffff, d = factorLow >>> 16, last = Math.imul(a, c);
  const middle = (Math.imul(a, d) + (last >>> 16)) | 0, other = (Math.imul(b, c) + (middle & 0xffff)) | 0;
  const lower = (((other << 16) | (last & 0xffff)) + termLow) | 0, carry = lower >>> 0 < termLow >>> 0 ? 1 : 0;
  const crossed = (Math.imul(high, factorLow) + Math.imul(low, factorHigh)) | 0;
  upper = (Math.imul(b, d) + (middle >>> 16) + (other >>> 16) + crossed + termHigh + carry) | 0;
  return lower;
}

// Numbers from base64 of their bytes, which are little-endian.
function decoded(text, size, kind) {
  const bytes = atob(text), view = new DataView(new ArrayBuffer(bytes.length));
  for (let i = 0; i < bytes.length; i++) view.setUint8(i, bytes.charCodeAt(i));
  const found = new { i: Int32Array, f: Float32Array, d: Float64Array }[kind](bytes.length / size);
  const read = { i: "getInt32", f: "getFloat32", d: "getFloat64" }[kind];
  for (let i = 0; i < found.length; i++) found[i] = view[read](i * size, true);
  return found;
}

function halves(salt) {
  return [Number.parseInt(salt.slice(2, 10), 16), Number.parseInt(salt.slice(10), 16)];
}

const NGRAMS = MODEL.words.ngrams, LOWEST_BITS = 2 ** MODEL.words.bits - 1;
const KNOWN = new Map(Array.from(decoded(MODEL.words.places, 4, "i"), (place, i) => [place, i]));
const IDF = decoded(MODEL.words.idf, 4, "f");
const WORD_COLUMNS = MODEL.columns.filter(({ kind }) => kind === "words").map(({ name, missing, salts }) => ({
  name, missing, salts: { words: halves(salts.words), chars: halves(salts.chars) },
}));
MEMBERS.forEach(([first], i) => {
  const { words } = (MODEL.members ?? [MODEL.layers])[i][0];
  first.rows = MODEL.dtype === "float32" ? decoded(words, 4, "f") : decoded(words, 8, "d");
});
