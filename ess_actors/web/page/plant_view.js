// The plant: batteries, the power conversion between them and the grid, and the totals below.

import { flow, power, spark } from "./draw.js";
import { h, Keyed, setAttribute, setClass, setText } from "./dom.js";
import { ask } from "./dialog.js";
import { get, post, query } from "./api.js";
import { figure, plantOf, reading, scaleOf } from "./plant_model.js";
import { bmsRow, headOf, labelled, missingRow, valued } from "./plant_parts.js";

const IDLE_KW = 0.5;
const AGAIN_MS = 3000;
const TREND = 150; // values of the small power line, one a second

const REASONS = {
  start: "since its client started: no command came yet",
  lease: "its instance fell silent",
  stop: "its client was stopped",
  emergency_stop: "emergency stop",
  site_silent: "the site controller is silent",
  not_allowed: "its instance does not allow commands",
};

const signed = (value) => (value === null || Math.abs(value) < IDLE_KW ? null : value > 0);

function pcsPanel() {
  const head = headOf();
  const actual = valued("kW", 0, "big");
  const wanted = valued("kW", 0);
  const asked = valued("kW", 0);
  const drawn = power("Active power against its setpoint");
  const safe = h("div", { class: "safe" });
  const line = spark("Active power of the last minutes", { least: 10 });
  const more = [["reactive_power", "Reactive power", "kvar", 0], ["dc_voltage", "DC voltage", "V", 1],
    ["modules_in_service", "Modules in service", "", 0]].map(([name, label, unit, digits]) => {
    const value = valued(unit, digits);
    return { name, value, node: h("div", { class: "pair" }, h("span", { class: "label" }, label), value.node) };
  });
  const node = h("section", { class: "panel pcs" }, head.node,
    labelled("Active power", h("div", { class: "figures" }, actual.node), drawn.node,
      h("div", { class: "pair" }, h("span", { class: "label" }, "Setpoint \u25bc"), wanted.node),
      h("div", { class: "pair" }, h("span", { class: "label" }, "Asked by the site"), asked.node), line.node),
    h("div", { class: "pairs" }, more.map((one) => one.node)), safe);
  return {
    node,
    update({ asset, span, history }) {
      setAttribute(node, "data-asset", asset.name);
      setClass(node, "untrusted", asset.silent || asset.trouble);
      head.update(asset);
      const order = { value: asset.order, quality: asset.order === null ? "MISSING" : asset.silent ? "OLD" : "GOOD", age: asset.age };
      actual.update(reading(asset, "active_power"));
      wanted.update(order);
      asked.update({ ...order, value: asset.request, quality: asset.request === null ? "MISSING" : order.quality });
      drawn.update({ value: figure(asset, "active_power"), charge: null, discharge: null, span, setpoint: asset.order });
      line.update(history, TREND);
      for (const one of more) {
        const named = asset.body[one.name] === undefined && one.name === "dc_voltage" ? "pcs_dc_voltage" : one.name;
        one.value.update(reading(asset, named));
      }
      const held = asset.device?.safe;
      setText(safe, held ? `Held at safe values: ${REASONS[held] || held}` : held === null ? "Commanded" : "");
      setClass(safe, "abnormal", held && held !== "start");
    },
  };
}

function gridPanel() {
  const hertz = valued("Hz", 2, "big");
  const volts = valued("V", 0);
  const direction = h("div", { class: "direction" });
  const node = h("section", { class: "panel grid" }, h("div", { class: "head" }, h("h2", {}, "Grid"), direction),
    labelled("Frequency", h("div", { class: "figures" }, hertz.node)),
    labelled("Voltage", h("div", { class: "figures" }, volts.node)));
  return {
    node,
    update({ asset }) {
      hertz.update(reading(asset, "frequency"));
      volts.update(reading(asset, "grid_voltage"));
      const flowing = signed(figure(asset, "active_power"));
      setText(direction, flowing === null ? "no power" : flowing ? "takes power" : "gives power");
    },
  };
}

const TOTALS = [["soc", "State of charge", "%", 1], ["active_power", "Active power", "kW", 0], ["dc_power", "DC power", "kW", 0],
  ["chargeable_power", "Can charge", "kW", 0], ["dischargeable_power", "Can discharge", "kW", 0],
  ["chargeable_energy", "Room to charge", "kWh", 0], ["dischargeable_energy", "Stored", "kWh", 0],
  ["racks_in_service", "Racks", "", 0], ["total_charge_current", "Charge current", "A", 0]];

function systemPanel(context) {
  const head = headOf();
  const figures = TOTALS.map(([name, label, unit, digits]) => ({ name, value: valued(unit, digits, "middle"), label }));
  const cleared = h("span", { class: "comms" });
  const clear = h("button", { class: "clear", onclick: () => askToClear(context) }, "Clear faults\u2026");
  const node = h("section", { class: "panel system" }, head.node,
    h("div", { class: "totals" }, figures.map((one) => labelled(one.label, one.value.node))),
    h("div", { class: "clearing" }, cleared, clear));
  return {
    node,
    update(asset) {
      setAttribute(node, "data-asset", asset.name);
      head.update(asset);
      for (const one of figures) {
        setClass(one.value.node.parentNode, "gone", !(one.name in asset.body));
        one.value.update(reading(asset, one.name));
      }
      const result = reading(asset, "clear_result").value;
      setText(cleared, result ? `Last clear: ${result}` : "");
      clear.hidden = !context.store.may("operator");
    },
  };
}

export function askToClear({ later }) {
  ask({
    title: "Clear faults and alarms",
    text: "Every battery and the power conversion get a clear pulse. What still stands stays in the list.",
    action: "Clear",
    act: async () => {
      const result = await post("/api/alarms/clear", {});
      later();
      return result.text || JSON.stringify(result);
    },
  });
}

export function plantView(context) {
  const { store } = context;
  const batteries = h("div", { class: "batteries" });
  const conversion = h("div", { class: "conversion" });
  const grids = h("div", { class: "grids" });
  const totals = h("div", { class: "systems" });
  const waiting = h("p", { class: "waiting" }, "Waiting for the first values\u2026");
  const toBus = flow();
  const toGrid = flow();
  const rows = new Keyed(batteries, (one) => (one.asset ? bmsRow() : missingRow()));
  const panels = new Keyed(conversion, pcsPanel);
  const nets = new Keyed(grids, gridPanel);
  const systems = new Keyed(totals, () => systemPanel(context));
  const orders = new Set();
  let asked = "";
  let again = 0;

  // Which tables carry setpoints is asked once for each set of instances.
  async function find(instances) {
    asked = instances.join();
    orders.clear();
    await Promise.all(instances.map(async (instance) => {
      try {
        const { reply } = await get(query("/api/browse", { instance }));
        for (const [uri, names] of Object.entries(reply.tables)) {
          if (names.includes("active_power_setpoint") && /^\/(components|site)\//.test(uri)) orders.add(`uri:${uri}`);
        }
      } catch {
        clearTimeout(again);
        again = setTimeout(() => { asked = ""; }, AGAIN_MS);
      }
    }));
    context.topics();
  }

  return {
    node: h("div", { class: "plant", id: "plant" }, waiting,
      h("div", { class: "line" }, batteries, toBus.node, conversion, toGrid.node, grids), totals),
    topics: () => ["uri:/assets", ...[...orders].sort().slice(0, 16)],
    update() {
      const running = store.instances().filter((id) => store.actor(id).state === "RUNNING");
      if (running.length && running.join() !== asked) find(running);
      const plant = plantOf(store);
      const scales = {
        volts: scaleOf(plant.bms, "min_cell_voltage", "max_cell_voltage", 0.2),
        warmth: scaleOf(plant.bms, "min_cell_temp", "max_cell_temp", 20),
        power: Math.max(1, ...plant.bms.flatMap((asset) => ["charge_power_limit", "discharge_power_limit", "dc_power"]
          .map((name) => Math.abs(figure(asset, name) ?? 0)))),
      };
      waiting.hidden = plant.bms.length + plant.pcs.length + plant.missing.length > 0;
      rows.update([...plant.bms.map((asset) => ({ key: asset.name, asset, scales })), ...plant.missing.map((one) => ({ key: one.id, ...one }))],
        (one) => one.key);
      const span = Math.max(1, ...plant.systems.flatMap((asset) => [figure(asset, "chargeable_power") ?? 0, figure(asset, "dischargeable_power") ?? 0]),
        ...plant.pcs.map((asset) => Math.abs(figure(asset, "active_power") ?? 0)));
      for (const asset of plant.pcs) sample(asset);
      panels.update(plant.pcs.map((asset) => ({ asset, span, history: store.spark.get(`power ${asset.name}`) || [] })), (one) => one.asset.name);
      nets.update(plant.pcs.map((asset) => ({ asset })), (one) => one.asset.name);
      systems.update(plant.systems, (asset) => asset.name);
      const ac = plant.pcs.reduce((sum, asset) => sum + (figure(asset, "active_power") ?? 0), 0);
      const dc = plant.bms.reduce((sum, asset) => sum + (figure(asset, "dc_power") ?? 0), 0);
      toBus.update(Math.abs(dc) / (scales.power * Math.max(1, plant.bms.length)), signed(dc));
      toGrid.update(Math.abs(ac) / span, signed(ac));
    },
    close: () => clearTimeout(again),
  };

  // The page may be drawn several times a second; the line has one value for each.
  function sample(asset) {
    const second = Math.floor(store.now());
    const name = `power ${asset.name}`;
    if (store.spark.get(`${name} at`) === second) return;
    store.spark.set(`${name} at`, second);
    store.remember(name, asset.silent ? null : figure(asset, "active_power"), TREND);
  }
}

