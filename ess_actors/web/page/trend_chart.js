// One point over time: its mean as a line in the band from least to most, with its own scale; strips share the time.

import { h, s, setAttribute, setText } from "./dom.js";
import { dateAndTime, duration, MISSING, number, timeOfDay } from "./text.js";

const WIDTH = 1000;
const HEIGHT = 100;
const STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const asNumber = (value) => (typeof value === "boolean" ? Number(value) : isNumber(value) ? value : null);

// Rows as numbers: [time, least, mean, most, good].
export const numbered = (rows) => rows.map(([time, low, mean, high, quality]) => [
  time, asNumber(low), asNumber(mean), asNumber(high), quality === undefined || quality === null || quality === 0 || quality === "GOOD",
]);

// Round times inside a range, about as many as fit.
export function roundTimes(from, to, most) {
  const step = STEPS.find((one) => (to - from) / one <= most) || STEPS.at(-1);
  const zone = new Date(from * 1000).getTimezoneOffset() * 60;
  const times = [];
  for (let at = Math.ceil((from - zone) / step) * step + zone; at <= to; at += step) times.push(at);
  return times;
}

export const labelOf = (time, span) => (span > 172800 ? dateAndTime(time).slice(5, 16) : span > 1800 ? timeOfDay(time).slice(0, 5) : timeOfDay(time));

export class Strip {
  // onMove(share) while a pointer is over it: 0 to 1 of the width, or null.
  constructor(point, { onMove, onRemove }) {
    this.point = point;
    this.rows = [];
    this.band = s("path", { class: "area" });
    this.line = s("path", { class: "line" });
    this.bad = s("path", { class: "bad" });
    this.ticks = s("g", { class: "grid-lines" });
    this.cursor = s("line", { class: "cursor", y1: 0, y2: HEIGHT, visibility: "hidden" });
    this.svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": point },
      s("rect", { class: "ground", width: WIDTH, height: HEIGHT }), this.ticks, this.band, this.line, this.bad, this.cursor);
    this.high = h("span", {});
    this.low = h("span", {});
    this.value = h("b", { class: "now" });
    this.note = h("span", { class: "note" });
    this.node = h("section", { class: "strip-of", "data-point": point },
      h("div", { class: "top" }, h("span", { class: "point" }, point), this.value, this.note,
        h("button", { class: "small quiet", "aria-label": `Remove ${point}`, onclick: onRemove }, "\u00d7")),
      h("div", { class: "drawn" }, h("div", { class: "axis" }, this.high, this.low), this.svg));
    const move = (event) => {
      const box = this.svg.getBoundingClientRect();
      onMove(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
    };
    this.svg.addEventListener("pointermove", move);
    this.svg.addEventListener("pointerdown", move);
    this.svg.addEventListener("pointerleave", () => onMove(null));
  }

  draw(rows, from, to, resolution) {
    this.rows = rows;
    this.from = from;
    this.to = to;
    const lows = rows.map((row) => row[1]).filter(isNumber);
    const highs = rows.map((row) => row[3]).filter(isNumber);
    let low = lows.reduce((one, two) => Math.min(one, two), Infinity);
    let high = highs.reduce((one, two) => Math.max(one, two), -Infinity);
    const known = low <= high;
    if (!known) [low, high] = [0, 1];
    const room = (high - low) * 0.08 || Math.max(0.5, Math.abs(high) * 0.01);
    [low, high] = [low - room, high + room];
    const x = (time) => ((time - from) / (to - from)) * WIDTH;
    const y = (value) => HEIGHT - ((value - low) / (high - low)) * HEIGHT;
    // Readings come on change: one holds until the next, and the last until now.
    const step = resolution > 0 ? 0 : 1;
    let line = "";
    let bad = "";
    const above = [];
    let before = null;
    for (const [time, least, mean, most, good] of rows) {
      if (mean === null) {
        before = null;
        continue;
      }
      const at = `${x(time).toFixed(1)} ${y(mean).toFixed(1)}`;
      if (before) line += step ? `H${x(time).toFixed(1)}V${y(mean).toFixed(1)}` : `L${at}`;
      else line += `M${at}`;
      if (before && !before[4]) bad += `M${x(before[0]).toFixed(1)} ${y(before[2]).toFixed(1)}H${x(time).toFixed(1)}`;
      if (!step) above.push([x(time), y(most), y(least)]);
      before = [time, least, mean, most, good];
    }
    if (before && step) {
      line += `H${x(to).toFixed(1)}`;
      if (!before[4]) bad += `M${x(before[0]).toFixed(1)} ${y(before[2]).toFixed(1)}H${x(to).toFixed(1)}`;
    }
    const area = above.length ? `M${above.map(([at, top]) => `${at.toFixed(1)} ${top.toFixed(1)}`).join("L")}L${
      [...above].reverse().map(([at, , bottom]) => `${at.toFixed(1)} ${bottom.toFixed(1)}`).join("L")}Z` : "";
    setAttribute(this.line, "d", line || "M0 0");
    setAttribute(this.bad, "d", bad || "M0 0");
    setAttribute(this.band, "d", area || "M0 0");
    this.ticks.replaceChildren(...roundTimes(from, to, 8).map((time) => s("line", { x1: x(time), x2: x(time), y1: 0, y2: HEIGHT })));
    setText(this.high, known ? number(high, Math.abs(high - low) < 5 ? 3 : 1) : "");
    setText(this.low, known ? number(low, Math.abs(high - low) < 5 ? 3 : 1) : "");
    setText(this.note, !rows.length ? "no readings in this time" : resolution > 0 ? `one value per ${duration(resolution)}` : "every reading");
    this.read(null);
  }

  // The value at a share of the width; the last one for null.
  read(share) {
    let row = this.rows.at(-1);
    if (share !== null) {
      const time = this.from + share * (this.to - this.from);
      row = this.rows.filter((one) => one[0] <= time).at(-1);
      setAttribute(this.cursor, "x1", share * WIDTH);
      setAttribute(this.cursor, "x2", share * WIDTH);
    }
    setAttribute(this.cursor, "visibility", share === null ? "hidden" : "visible");
    setText(this.value, row && row[2] !== null ? number(row[2]) + (row[4] ? "" : " (not good)") : MISSING);
  }
}
