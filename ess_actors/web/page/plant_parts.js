// Parts of the plant view: a value with its worth, a battery's row, racks, the comms line.

import { band, bar, power } from "./draw.js";
import { h, Keyed, s, setAttribute, setClass, setText } from "./dom.js";
import { figure, reading } from "./plant_model.js";
import { duration, MISSING, number } from "./text.js";

const FAULTY = /fault|trip|error|emergency/i; // words of a state that is not normal
const SIGNS = { BAD: "bad", UNCERTAIN: "uncertain", OLD: "old", MISSING: "missing" };

// A number with its unit. What is not good is marked, and says why and how old it is when pointed at.
export function valued(unit, digits, className = "") {
  const text = h("span", { class: "number" });
  const sign = h("sup", {});
  const node = h("span", { class: `valued ${className}` }, text, unit ? [" ", h("span", { class: "unit" }, unit)] : null, sign);
  return {
    node,
    update({ value, quality, age }) {
      setText(text, number(value, typeof value === "number" ? digits : undefined));
      for (const name of Object.values(SIGNS)) setClass(node, name, SIGNS[quality] === name);
      setText(sign, { BAD: "\u00d7", UNCERTAIN: "?", OLD: "~" }[quality] || "");
      const old = age === null || age === undefined ? "" : `, heard of ${duration(age)} ago`;
      setAttribute(node, "title", quality === "GOOD" ? null : `quality: ${quality.toLowerCase()}${old}`);
    },
  };
}

export const labelled = (label, ...parts) => h("div", { class: "cell" }, h("span", { class: "label" }, label), parts);

// Name, state, and how the device is heard of.
export function headOf() {
  const title = h("h2", {});
  const state = valued("", 0, "state");
  const comms = h("span", { class: "comms" });
  const node = h("div", { class: "head" }, title, state.node, comms);
  return {
    node,
    update(asset) {
      setText(title, asset.title);
      state.update(reading(asset, "state"));
      setClass(state.node, "abnormal", FAULTY.test(String(reading(asset, "state").value)));
      const age = asset.device?.point_age_s;
      const heard = age === undefined ? "" : `values ${duration(age)} old`;
      setText(comms, [asset.trouble, heard].filter(Boolean).join(", ") || `from ${asset.instance}`);
      setClass(comms, "abnormal", asset.trouble);
    },
  };
}

function banded(label, unit, digits, [low, middle, high]) {
  const drawn = band(label);
  const least = valued("", digits);
  const most = valued(unit, digits);
  const scale = h("div", { class: "scale" }, h("span", {}), h("span", {}));
  const node = labelled(label, h("div", { class: "figures" }, least.node, h("span", { class: "to" }, "to"), most.node),
    drawn.node, scale);
  return {
    node,
    update(asset, { from, to }) {
      least.update(reading(asset, low));
      most.update(reading(asset, high));
      drawn.update({ low: figure(asset, low), high: figure(asset, high), middle: figure(asset, middle), from, to });
      setText(scale.firstChild, number(from, digits > 1 ? digits - 1 : 0));
      setText(scale.lastChild, number(to, digits > 1 ? digits - 1 : 0));
    },
  };
}

// Each rack a small upright bar of its charge; one that is not like the most is outlined.
function racks() {
  const grid = h("div", { class: "racks" });
  const count = valued("", 0);
  const total = h("span", { class: "unit" });
  const keyed = new Keyed(grid, () => {
    const fill = s("rect", { x: 1, width: 8, class: "fill" });
    const node = s("svg", { viewBox: "0 0 10 24", class: "rack" }, s("rect", { class: "track", x: 0.5, y: 0.5, width: 9, height: 23 }), fill);
    const title = s("title", {});
    node.append(title);
    return {
      node,
      update({ name, body, common }) {
        const soc = typeof body.soc?.value === "number" ? body.soc.value : null;
        const state = body.state?.value;
        const quality = body.soc?.quality || body.state?.quality || "GOOD";
        const height = soc === null ? 0 : 22 * Math.min(1, Math.max(0, soc / 100));
        setAttribute(fill, "y", 23 - height);
        setAttribute(fill, "height", height);
        setClass(node, "odd", state !== common);
        setClass(node, "bad", quality !== "GOOD");
        setText(title, `${name}: ${state ?? MISSING}, ${number(soc, 1)} %${quality === "GOOD" ? "" : `, ${quality}`}`);
      },
    };
  });
  const node = labelled("Racks in service", h("div", { class: "figures" }, count.node, total), grid);
  node.classList.add("serving");
  return {
    node,
    update(asset) {
      const serving = reading(asset, "racks_in_service");
      const all = figure(asset, "racks_total");
      count.update(serving);
      setText(total, all === null ? "" : `of ${all}`);
      setClass(count.node, "abnormal", all !== null && typeof serving.value === "number" && serving.value < all);
      const states = asset.racks.map((rack) => rack.body.state?.value);
      const common = states.sort((a, b) => states.filter((x) => x === b).length - states.filter((x) => x === a).length)[0];
      keyed.update(asset.racks.map((rack) => ({ ...rack, common })), (rack) => rack.name);
    },
  };
}

// One battery: a row of drawn values, in the same order as every other.
export function bmsRow() {
  const head = headOf();
  const soc = valued("%", 1, "big");
  const soh = valued("%", 1);
  const charge = bar("State of charge");
  const kw = valued("kW", 0, "big");
  const amps = valued("A", 0);
  const volts = valued("V", 1);
  const drawn = power("DC power and its limits");
  const cells = banded("Cell voltage", "V", 3, ["min_cell_voltage", "avg_cell_voltage", "max_cell_voltage"]);
  const warmth = banded("Cell temperature", "\u00b0C", 1, ["min_cell_temp", "avg_cell_temp", "max_cell_temp"]);
  const serving = racks();
  const node = h("section", { class: "panel bms" }, head.node,
    labelled("State of charge", h("div", { class: "figures" }, soc.node, h("span", { class: "beside" }, "health ", soh.node)), charge.node),
    labelled("DC power", h("div", { class: "figures" }, kw.node, h("span", { class: "beside" }, amps.node, " ", volts.node)), drawn.node),
    cells.node, warmth.node, serving.node);
  return {
    node,
    update({ asset, scales }) {
      setAttribute(node, "data-asset", asset.name);
      setClass(node, "untrusted", asset.silent || asset.trouble);
      head.update(asset);
      soc.update(reading(asset, "soc"));
      soh.update(reading(asset, "soh"));
      charge.update(figure(asset, "soc"));
      kw.update(reading(asset, "dc_power"));
      amps.update(reading(asset, "dc_current"));
      volts.update(reading(asset, "dc_voltage"));
      drawn.update({
        value: figure(asset, "dc_power"), charge: figure(asset, "charge_power_limit"),
        discharge: figure(asset, "discharge_power_limit"), span: scales.power, setpoint: null,
      });
      cells.update(asset, scales.volts);
      warmth.update(asset, scales.warmth);
      serving.update(asset);
    },
  };
}

// A device whose instance has told nothing of it yet.
export function missingRow() {
  const title = h("h2", {});
  const why = h("span", { class: "comms abnormal" });
  const node = h("section", { class: "panel missing" }, h("div", { class: "head" }, title, why));
  return {
    node,
    update(one) {
      setText(title, one.name);
      setText(why, `no values from ${one.instance} yet; its client is ${one.device.state}`);
    },
  };
}
