
"use strict";
// All text goes through textContent and every image is a data: address made by the program that wrote this page.
const data = (id) => {
  const element = document.getElementById(id);
  return element === null ? null : JSON.parse(element.textContent);
};
const make = (name, text, className) => {
  const element = document.createElement(name);
  if (text !== undefined && text !== null) element.textContent = text;
  if (className) element.className = className;
  return element;
};
const image = (uri, text) => {
  const element = make("img", null, "pixels");
  element.src = uri;
  element.alt = text;
  element.title = text;
  return element;
};
const press = (button, selector) => {
  for (const other of document.querySelectorAll(selector)) other.setAttribute("aria-pressed", String(other === button));
};
const show = (button) => {
  const kind = button.dataset.tabs;
  press(button, `[data-tabs="${kind}"]`);
  for (const other of document.querySelectorAll(`[data-tabs="${kind}"]`)) {
    document.getElementById(other.dataset.show).hidden = other !== button;
  }
};
const percent = (share) => `${(100 * share).toFixed(1)}%`;

const samples = new Map();
for (const sheet of document.querySelectorAll(".sheet")) samples.set(sheet.dataset.name, sheet.id);
const openMaps = (name) => {
  const button = document.querySelector(`[data-show="${samples.get(name)}"]`);
  show(button);
  document.getElementById("maps").scrollIntoView();
  button.focus({ preventScroll: true });
};
const tile = (uri, name, lines) => {
  const box = make("div", null, "tile");
  box.append(image(uri, [name, ...lines].join(", ")));
  for (const line of [name, ...lines]) box.append(make("div", line));
  if (samples.has(name)) {
    const button = make("button", "its maps ↓");
    button.type = "button";
    button.addEventListener("click", () => openMaps(name));
    box.append(button);
  }
  return box;
};

const cells = data("cells");
const openCell = (button) => {
  press(button, "[data-cell]");
  const [truth, guess] = button.dataset.cell.split("-").map((k) => cells.names[Number(k)]);
  const cell = cells.cells[button.dataset.cell];
  const right = truth === guess;
  const view = document.getElementById("cell");
  const tiles = make("div", null, "tiles");
  for (const [index, sure, of, uri] of cell.images) {
    const said = right ? [percent(sure)] : [`${guess}: ${percent(sure)}`, `${truth}: ${percent(of)}`];
    tiles.append(tile(uri, `${cells.part}:${index}`, said));
  }
  const order = right ? "the least sure first" : "the surest first";
  const some = cell.images.length < cell.count ? `${cell.images.length} of ${cell.count}, ` : "";
  view.replaceChildren(
    make("h3", right ? `${truth}, recognised` : `${truth}, taken for ${guess}`),
    make("p", `${some}${order}`, "note"),
    tiles,
  );
  view.scrollIntoView({ block: "nearest" });
};

const units = data("units");
const group = (title, tiles) => {
  const box = make("div");
  const row = make("div", null, "tiles");
  row.append(...tiles);
  box.append(make("h4", title), row);
  return box;
};
const openUnit = (button) => {
  press(button, "[data-unit]");
  const layer = button.dataset.layer;
  const unit = units.layers[layer][Number(button.dataset.unit)];
  const view = button.closest("section").querySelector(`[data-row="${CSS.escape(layer)}"]`);
  const strip = make("div", null, "strip");
  if (unit.weights !== null) strip.append(group("weights", [tile(unit.weights, "", [])]));
  strip.append(group("what it gives", unit.maps.map((map, i) => {
    const [name, uri] = units.samples[i];
    return typeof map === "string" ? tile(uri, name, [map]) : tile(map[0], name, [map[1]]);
  })));
  if (unit.top.length > 0) strip.append(group("most excited by", unit.top.map(([index, truth, value, uri]) =>
    tile(uri, `${units.part}:${index}`, [truth === "" ? value : `${truth} · ${value}`]))));
  if (unit.best !== null) strip.append(group("made to excite it", [tile(unit.best, "", [unit.score])]));
  view.replaceChildren(make("h3", button.dataset.title), strip);
  view.scrollIntoView({ block: "nearest" });
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button === null) return;
  if (button.dataset.tabs) show(button);
  else if (button.dataset.cell) openCell(button);
  else if (button.dataset.unit) openUnit(button);
});
