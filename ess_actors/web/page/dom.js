// Elements made by hand: text only ever becomes text nodes, so nothing that the plant says can become markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

// h("button", {class: "x", onclick: f}, "text", node, [more])
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Writes only what differs: an untouched node costs no layout, and keeps focus and selection.
export function setText(node, text) {
  const told = text === null || text === undefined ? "" : String(text);
  if (node.textContent !== told) node.textContent = told;
}

export function setClass(node, name, on) {
  if (node.classList.contains(name) !== Boolean(on)) node.classList.toggle(name, Boolean(on));
}

export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

// A list whose parts stay as long as their keys do. create(item) gives {node, update(item)}.
export class Keyed {
  constructor(parent, create) {
    this.parent = parent;
    this.create = create;
    this.parts = new Map();
  }

  update(items, key) {
    const left = new Map(this.parts);
    let place = this.parent.firstChild;
    for (const item of items) {
      const name = key(item);
      let part = this.parts.get(name);
      if (!part) {
        part = this.create(item);
        this.parts.set(name, part);
      }
      left.delete(name);
      if (part.node === place) place = place.nextSibling;
      else this.parent.insertBefore(part.node, place);
      part.update(item);
    }
    for (const [name, part] of left) {
      part.node.remove();
      this.parts.delete(name);
    }
  }
}
