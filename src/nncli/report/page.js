"use strict";

// a button that copies a command, where the browser lets a page copy
for (const command of navigator.clipboard ? document.querySelectorAll(".command") : []) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  command.classList.add("copies");
  command.append(button);
}

// options in a span, which no line breaks in two
function words(command) {
  return command.split(/(?<= )(--[a-z-]+)/).map((part, i) => {
    if (i % 2 === 0) return part;
    const option = document.createElement("span");
    option.textContent = part;
    return option;
  });
}

// the slider shows what happens at its threshold
for (const box of document.querySelectorAll(".slider")) {
  const { thresholds, titles, values, commands } = JSON.parse(box.dataset.thresholds);
  const range = box.querySelector("input");
  const show = () => {
    const i = range.valueAsNumber;
    const shown = values.map((texts) => texts[i]);
    box.querySelector("output").textContent = thresholds[i];
    box.querySelectorAll("dd").forEach((place, k) => (place.textContent = shown[k]));
    box.querySelector("code").replaceChildren(...words(commands[i]));
    range.setAttribute("aria-valuetext", [thresholds[i], ...titles.map((title, k) => `${title} ${shown[k]}`)].join(", "));
  };
  range.hidden = false;
  range.addEventListener("input", show);
  show();
}

// what a mark of a figure shows stands beside it while the pointer is near; arrow keys go from mark to mark
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
tip.setAttribute("role", "status");
document.body.append(tip);
let at = null;

function show(mark) {
  at?.classList.remove("at");
  at = mark;
  tip.hidden = !mark;
  if (!mark) return;
  mark.classList.add("at");
  tip.textContent = mark.getAttribute("aria-label");
  const place = mark.getBoundingClientRect();
  const left = place.left + place.width / 2 - tip.offsetWidth / 2;
  const above = place.top - tip.offsetHeight - 8;
  tip.style.left = `${Math.max(4, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${above > 4 ? above : place.bottom + 8}px`;
}

function nearest(marks, event) {
  if (marks.includes(event.target)) return event.target;
  let found = null;
  let least = 20; // pixels
  for (const mark of marks) {
    const { left, top, width, height } = mark.getBoundingClientRect();
    const far = Math.hypot(event.clientX - left - width / 2, event.clientY - top - height / 2);
    if (far < least) [found, least] = [mark, far];
  }
  return found;
}

for (const figure of document.querySelectorAll("svg.figure")) {
  const marks = [...figure.querySelectorAll("[aria-label]")];
  if (!marks.length) continue;
  figure.tabIndex = 0;
  for (const kind of ["pointerdown", "pointermove"]) figure.addEventListener(kind, (event) => show(nearest(marks, event)));
  for (const kind of ["pointerleave", "blur"]) figure.addEventListener(kind, () => show(null));
  figure.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") show(null);
    if (!step) return;
    event.preventDefault();
    const i = marks.indexOf(at);
    show(marks[i < 0 ? 0 : (i + step + marks.length) % marks.length]);
  });
}
addEventListener("scroll", () => show(null), { capture: true, passive: true });

// what can be scrolled can be reached by keyboard, and nothing else
const boxes = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll(".scroll, .panel.wide")) boxes.observe(box);
