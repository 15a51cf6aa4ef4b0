
// The inputs of the cells of a row that the model knows, each with its place: all others are 0.
function cellsOf(row) {
  const known = Object.entries(row).filter(([name, cell]) => PLACES.has(name) && cell !== undefined);
  return known.map(([name, cell]) => [PLACES.get(name), inputOf(cell, MODEL.columns[PLACES.get(name)])]);
}

const PLACES = new Map(MODEL.columns.map(({ name }, i) => [name, i]));
for (const [first] of MEMBERS) first.rows = first.weights;
