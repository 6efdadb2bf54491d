// Drawn values: bars, bands, power to both sides, sparklines. Each is {node, update}; colours come from the style sheet.

import { h, s, setAttribute, setClass } from "./dom.js";

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

// 0 to 100 %, filled from the left.
export function bar(label) {
  const fill = s("rect", { class: "fill", x: 0, y: 0, height: 14, width: 0 });
  const ticks = [25, 50, 75].map((at) => s("line", { class: "tick", x1: at, x2: at, y1: 0, y2: 14 }));
  const node = s("svg", {
    class: "bar", viewBox: "0 0 100 14", preserveAspectRatio: "none", role: "img", "aria-label": label,
  }, s("rect", { class: "track", width: 100, height: 14 }), fill, ticks);
  return {
    node,
    update(percent) {
      setClass(node, "missing", !isNumber(percent));
      setAttribute(fill, "width", isNumber(percent) ? clamp(percent, 0, 100) : 0);
    },
  };
}

// Power around zero: discharge to the right, charge to the left, both limits, and the setpoint as a mark.
export function power(label) {
  const room = s("rect", { class: "room", y: 3, height: 8 });
  const fill = s("rect", { class: "fill", y: 1, height: 12 });
  const wanted = s("path", { class: "wanted", d: "M0 0L3 -5L-3 -5Z" });
  const node = s("svg", { class: "power", viewBox: "-103 -6 206 21", role: "img", "aria-label": label },
    s("rect", { class: "track", x: -100, width: 200, y: 0, height: 14 }), room, fill,
    s("line", { class: "zero", x1: 0, x2: 0, y1: -2, y2: 16 }), wanted);
  return {
    node,
    update({ value, charge, discharge, span, setpoint }) {
      const scale = 100 / (span || 1);
      const at = (number) => clamp(number * scale, -100, 100);
      setAttribute(room, "x", isNumber(charge) ? at(-charge) : 0);
      setAttribute(room, "width", isNumber(charge) && isNumber(discharge) ? at(discharge) - at(-charge) : 0);
      const end = isNumber(value) ? at(value) : 0;
      setAttribute(fill, "x", Math.min(0, end));
      setAttribute(fill, "width", Math.abs(end));
      setAttribute(wanted, "visibility", isNumber(setpoint) ? "visible" : "hidden");
      if (isNumber(setpoint)) setAttribute(wanted, "transform", `translate(${at(setpoint)} 0)`);
      setClass(node, "missing", !isNumber(value));
    },
  };
}

// Least to most of the cells on a scale that all batteries share, with the mean as a line.
export function band(label) {
  const fill = s("rect", { class: "fill", y: 2, height: 10, width: 0 });
  const mean = s("line", { class: "mean", y1: 0, y2: 14 });
  const node = s("svg", {
    class: "band", viewBox: "0 0 100 14", preserveAspectRatio: "none", role: "img", "aria-label": label,
  }, s("rect", { class: "track", width: 100, height: 14 }), fill, mean);
  return {
    node,
    update({ low, high, middle, from, to }) {
      const at = (value) => clamp((100 * (value - from)) / (to - from || 1), 0, 100);
      const known = isNumber(low) && isNumber(high);
      setClass(node, "missing", !known);
      setAttribute(fill, "x", known ? Math.min(at(low), 98.5) : 0);
      setAttribute(fill, "width", known ? Math.max(1.5, at(high) - at(low)) : 0);
      setAttribute(mean, "visibility", isNumber(middle) ? "visible" : "hidden");
      setAttribute(mean, "x1", isNumber(middle) ? at(middle) : 0);
      setAttribute(mean, "x2", isNumber(middle) ? at(middle) : 0);
    },
  };
}

// A line without axes; gaps stay gaps.
export function spark(label, { from = null, least = 1, width = 100, height = 22 } = {}) {
  const line = s("path", { class: "line" });
  const zero = s("line", { class: "zero", x1: 0, x2: width });
  const node = s("svg", {
    class: "spark", viewBox: `0 -1 ${width} ${height + 2}`, preserveAspectRatio: "none", role: "img", "aria-label": label,
  }, zero, line);
  return {
    node,
    update(values, most) {
      const seen = values.filter(isNumber);
      const low = from ?? Math.min(0, ...seen);
      const high = Math.max(low + least, ...seen);
      const step = width / Math.max(1, most - 1);
      const y = (value) => height - (height * (value - low)) / (high - low);
      let path = "";
      let pen = "M";
      values.forEach((value, index) => {
        if (!isNumber(value)) {
          pen = "M";
          return;
        }
        path += `${pen}${(width - (values.length - 1 - index) * step).toFixed(1)} ${y(value).toFixed(1)}`;
        pen = "L";
      });
      setAttribute(line, "d", path || "M0 0");
      setAttribute(zero, "y1", y(0));
      setAttribute(zero, "y2", y(0));
    },
  };
}

// A line that power flows along, thicker for more, with arrows in its direction; upright on a narrow screen.
export function flow() {
  const arrow = s("path", { class: "arrow", d: "M-5 -6L5 0L-5 6Z" });
  const line = s("line", { class: "line", x1: 0, x2: 100, y1: 20, y2: 20 });
  const node = s("svg", { class: "flow", viewBox: "0 0 100 40", preserveAspectRatio: "none", "aria-hidden": "true" }, line);
  const head = s("svg", { class: "head", viewBox: "-12 -12 24 24", "aria-hidden": "true" }, arrow);
  const whole = h("div", { class: "flowing" }, node, head);
  return {
    node: whole,
    // right: true = from left to right, false = the other way, null = nothing flows
    update(share, right) {
      setClass(whole, "idle", right === null);
      setClass(whole, "back", right === false);
      setAttribute(line, "stroke-width", right === null ? 2 : 3 + 9 * clamp(share, 0, 1));
    },
  };
}
