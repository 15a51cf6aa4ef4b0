// The page: it sends what one asks for, and shows what comes back. All arithmetic is done by nncli.
import * as network from "./network.js";
import * as output from "./output.js";
import * as pen from "./pen.js";
import * as settings from "./settings.js";
import * as unit from "./unit.js";

const get = (id) => document.getElementById(id);
const here = location.pathname;
let socket = null, hello = null, state = null, frame = null, playing = false, items = [];
let accepted = {}, tries = 0;
let asked = { data: "", options: {}, noise: 0, columns: [] };

function send(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function say(text) {
  get("message").textContent = text;
  get("message").hidden = !text;
  get("wanted").hidden = true;
}

function open(change) {
  asked = { ...asked, ...change };
  send({ do: "open", data: asked.data, options: asked.options, noise: asked.noise, columns: asked.columns });
}

function option(name, value) {
  if (name === "lr" && state && value) {
    asked.options = { ...asked.options, lr: value };
    send({ do: "rate", lr: value });
    return;
  }
  const options = { ...asked.options, [name]: value };
  if (name === "model") settings.OF_MODEL.forEach((one) => delete options[one]);
  if (name === "optimizer" || name === "loss") delete options.lr;
  if (!value) delete options[name];
  open({ options, columns: name === "drop" ? [] : asked.columns });
}

function layers(hidden) {
  const options = { ...asked.options, hidden };
  if (options.activation?.includes(",")) [options.activation] = options.activation.split(",");
  if (!hidden) ["hidden", "activation", "dropout"].forEach((one) => delete options[one]);
  const straight = state.task === "regression" ? "linear" : "softmax";
  if (!hidden && (options.model ?? "mlp") === "mlp") options.model = straight;
  if (hidden && state.options.model === straight && !asked.options.hidden) options.model = "mlp";
  open({ options });
}

function play(on) {
  playing = on;
  const button = get("play");
  button.innerHTML = on ? '<span aria-hidden="true">❚❚</span> Pause' : '<span aria-hidden="true">▶</span> Play';
}

function toggle() {
  say("");
  if (!playing) forget();
  send({ do: playing ? "pause" : "play" });
  play(!playing);
}

function step(of) {
  say("");
  if (of !== "row") forget();
  play(false);
  send({ do: "step", of });
}

function forget() {
  unit.backpropagation(null);
  network.flow(null);
  output.mark(null);
}

const receive = {
  hello(message) {
    hello = message;
    tries = 0;
    ({ items } = message);
    settings.build(message, option);
    const names = [...new Set([...Object.keys(message.choices), ...settings.OF_MODEL, ...settings.OF_COLUMNS, "seed", "test", "scale", "class_weight", "dtype"])];
    const from = settings.read(location.hash, names), item = items.find((one) => one.key === (from?.data ?? message.first));
    get("save").href = `model/${message.session}`;
    if (from && !item) say(`${from.data.replace(/^\w+:/, "")} is not here any more: drop it on the page again.`);
    const first = items.find((one) => one.key === message.first);
    open(from && item ? from : { data: message.first, options: { ...first.options }, noise: 0, columns: [] });
  },
  state(message) {
    const other = !state || state.data !== message.data;
    state = message;
    asked = { data: state.data, noise: state.noise, columns: state.seen, options: { ...asked.options } };
    accepted = asked.options;
    if (other) say("");
    play(false);
    frame = null;
    settings.showItems(items, state.data);
    settings.show(state);
    output.build(state);
    network.build(state);
    network.flow(null);
    network.showLayers();
    unit.build(state);
    pen.build(state);
    get("row").max = state.rows.train + state.rows.val + state.rows.test;
    history.replaceState(null, "", settings.written(asked));
  },
  frame(message) {
    frame = message;
    get("epoch").textContent = frame.epoch.toLocaleString("en");
    get("within").textContent = frame.within ? `+ ${frame.within.toLocaleString("en")} ${frame.within === 1 ? "row" : "rows"}` : "";
    output.show(frame);
    network.show(frame);
    unit.show(frame);
    get("command").textContent = frame.command;
    get("departed").textContent = frame.departed.length ? `This command does not do quite the same: ${frame.departed.join("; ")}.` : "";
    if (frame.playing !== playing && !frame.playing) play(false);
    if (frame.ended) say(`Training has ended: ${frame.ended}.`);
    pen.ask();
  },
  backpropagation(message) {
    const shown = unit.backpropagation(message);
    network.flow(message);
    output.mark(message.row - 1);
    get("row").value = message.row;
    if (shown && message.layers) network.choose(...shown);
  },
  drawn: pen.show,
  error(message) {
    pen.free();
    say(message.text);
    play(false);
    get("wanted").hidden = message.wants !== "target";
    get("wanted").onsubmit = ((tried) => (event) => {
      event.preventDefault();
      open({ ...tried, options: { ...tried.options, target: get("wanted-target").value } });
    })({ ...asked });
    if (state) {
      settings.show(state);
      settings.showItems(items, state.data);
      asked = { data: state.data, noise: state.noise, columns: state.seen, options: { ...accepted } };
    }
  },
};

function talk() {
  socket = new WebSocket(`ws://${location.host}${here}talk`);
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    receive[message.kind](message);
  };
  socket.onclose = (event) => {
    play(false);
    if (![1008, 1009, 1013].includes(event.code) && hello && tries < 3) {
      tries += 1;
      say("The connection was lost. Trying again …");
      setTimeout(talk, 700);
      return;
    }
    document.querySelectorAll("button, select, input").forEach((one) => { one.disabled = true; });
    say(event.code === 1013 ? `Too many pages are open: ${event.reason}. Close one, and reload this one.` : "nncli play has ended. Start it again, and open the address that it prints.");
  };
}

async function drop(file) {
  say(`Reading ${file.name} …`);
  try {
    const answer = await fetch(`drop?${new URLSearchParams({ name: file.name })}`, { method: "POST", body: file });
    const found = await answer.json();
    if (!answer.ok) return say(found.error);
    items = [...items.filter((one) => one.key !== found.key), found];
    settings.showItems(items, state?.data);
    if (found.waits) return say(`${found.name} is a model. Now drop the rows that it was trained on.`);
    say("");
    return open({ data: found.key, options: { ...found.options }, noise: 0, columns: [] });
  } catch {
    return say(`${file.name} could not be sent.`);
  }
}

get("play").onclick = toggle;
get("reset").onclick = () => { say(""); send({ do: "reset" }); };
document.querySelectorAll("[data-step]").forEach((button) => { button.onclick = () => step(button.dataset.step); });
get("item").onchange = () => open({ data: get("item").value, options: { ...items.find((one) => one.key === get("item").value)?.options }, noise: 0, columns: [] });
get("target").onchange = () => {
  const options = { ...asked.options, target: get("target").value };
  settings.OF_COLUMNS.filter((one) => one !== "target").forEach((one) => delete options[one]);
  open({ options, columns: [] });
};
get("noise").oninput = () => { get("noise-value").textContent = `${Math.round(100 * get("noise").value)} %`; };
get("noise").onchange = () => open({ noise: Number(get("noise").value) });
get("test").oninput = () => { get("test-value").textContent = `${Math.round(100 * get("test").value)} %`; };
get("test").onchange = () => option("test", get("test").value);
for (const id of ["across", "up"]) {
  get(id).onchange = () => {
    let columns = [get("across").value, get("up").value];
    const other = state.numbers.find((one) => one !== get(id).value);
    if (!get(id).value) columns = [];
    else if (columns.includes("") || columns[0] === columns[1]) columns = id === "across" ? [columns[0], other] : [other, columns[1]];
    asked.columns = columns;
    send({ do: "look", columns });
  };
}
get("ask-row").onsubmit = (event) => {
  event.preventDefault();
  const row = get("row").valueAsNumber - 1;
  if (playing) toggle();
  if (Number.isInteger(row) && row >= 0) send({ do: "row", row });
};
get("forget").onclick = forget;
get("choose").onclick = () => get("file").click();
get("file").onchange = () => { if (get("file").files.length) drop(get("file").files[0]); get("file").value = ""; };
get("copy").onclick = async () => {
  await navigator.clipboard.writeText(get("command").textContent);
  get("copy").textContent = "Copied";
  setTimeout(() => { get("copy").textContent = "Copy"; }, 1500);
};
get("save").onclick = async (event) => {
  event.preventDefault();
  const answer = await fetch(get("save").href);
  if (!answer.ok) return say(await answer.text());
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await answer.blob()), download: "model.npz" });
  link.click();
  return setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

const over = (event) => { if (event.dataTransfer?.types.includes("Files")) { event.preventDefault(); get("dropping").hidden = event.type !== "dragover"; } };
addEventListener("dragover", over);
addEventListener("dragleave", over);
addEventListener("drop", (event) => { over(event); if (event.dataTransfer?.files.length) drop(event.dataTransfer.files[0]); });
addEventListener("hashchange", () => {
  const from = settings.read(location.hash, Object.keys(state?.resolved ?? {}));
  if (from) open(from);
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]):not([type=range]), select, textarea")) return;
  const key = event.key.toLowerCase(), does = { " ": toggle, e: () => step("epoch"), b: () => step("batch"), o: () => step("row"), r: () => get("reset").click() }[key];
  if (!does || (key === " " && event.target.closest("button, a, summary, input"))) return;
  event.preventDefault();
  does();
});
network.connect((c, i, passing) => {
  if (passing && !unit.current()) return;
  if (passing && document.activeElement?.dataset?.weight !== undefined) return;
  if (!passing || get("forget").hidden === false) unit.choose(c, i);
}, layers);
output.connect((row) => { if (playing) toggle(); send({ do: "row", row }); });
unit.connect((layer, input, of, value) => { forget(); send({ do: "weight", layer, input, unit: of, value }); });
pen.connect((drawing) => send({ do: "draw", drawing }));
talk();
