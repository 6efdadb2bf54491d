// The tree of actors: how each is, what it costs, what went wrong last, and orders to it.

import { post } from "./api.js";
import { ask } from "./dialog.js";
import { spark } from "./draw.js";
import { h, Keyed, setAttribute, setClass, setText } from "./dom.js";
import { duration, megabytes, MISSING, number } from "./text.js";

const COLUMNS = ["Actor", "State", "Restarts", "CPU", "", "Memory", "Latency", "Running for", "Last error", ""];
const TREND = 60;

const WORDS = {
  restart: ["Restart", "It is ended and started anew; what it looks after is not controlled meanwhile."],
  stop: ["Stop", "It stays stopped until somebody starts it. A device below it goes to its safe values."],
  start: ["Start", "It is started with a fresh count of restarts."],
};

const ROLES = { restart: "operator", stop: "engineer", start: "engineer" };

function allowed(row, verb) {
  if (row.kind === "supervisor" || (row.id === "web" && verb === "stop")) return false;
  return verb === "start" ? row.state !== "RUNNING" : verb === "stop" ? row.state !== "STOPPED" : true;
}

function actorRow(store) {
  let row = null;
  const name = h("td", { class: "name" });
  const state = h("span", { class: "chip" });
  const cells = Object.fromEntries(["restarts", "cpu", "memory", "latency", "uptime", "error"].map((key) => [key, h("td", { class: key })]));
  const line = spark("CPU of the last minute", { from: 0, least: 5, width: 120 });
  const buttons = Object.entries(WORDS).map(([verb, [word, text]]) => [verb, h("button", {
    class: `small ${verb}`,
    onclick: () => ask({
      title: `${word} ${row.id}?`, text, action: word,
      act: async () => {
        await post(`/api/actors/${row.id}/${verb}`);
        return null;
      },
    }),
  }, word)]);
  const node = h("tr", {}, name, h("td", {}, state), cells.restarts, cells.cpu, h("td", { class: "line" }, line.node),
    cells.memory, cells.latency, cells.uptime, cells.error, h("td", { class: "do" }, buttons.map(([, button]) => button)));
  return {
    node,
    update(next) {
      row = next;
      const depth = row.id.split("/").length - 1;
      setAttribute(node, "data-id", row.id);
      setAttribute(node, "data-pid", row.pid);
      setClass(node, "below", depth > 0);
      setText(name, depth ? row.id.split("/").pop() : row.id);
      setAttribute(name, "title", `${row.id}, ${row.kind}, process ${row.pid ?? MISSING}`);
      const waits = row.next_try_s === null || row.next_try_s === undefined ? "" : `, tried in ${duration(row.next_try_s)}`;
      setText(state, `${row.state}${waits}${row.stopped_by ? ` by ${row.stopped_by}` : ""}`);
      setClass(state, "abnormal", row.state !== "RUNNING");
      setText(cells.restarts, row.restarts);
      setClass(cells.restarts, "noted", row.failures > 0);
      setAttribute(cells.restarts, "title", `${row.failures} failures of ${row.failures_allowed} allowed in ${row.window_s} s`);
      setText(cells.cpu, row.cpu_percent === null ? MISSING : `${number(row.cpu_percent, 1)} %`);
      line.update(store.spark.get(`cpu ${row.id}`) || [], TREND);
      setText(cells.memory, row.rss_bytes ? `${megabytes(row.rss_bytes)} MB` : MISSING);
      setText(cells.latency, typeof row.latency_ms === "number" ? `${number(row.latency_ms, 2)} ms` : MISSING);
      setText(cells.uptime, row.kind === "supervisor" ? "" : duration(row.uptime_s));
      setText(cells.error, row.last_error);
      setAttribute(cells.error, "title", row.last_error || null);
      for (const [verb, button] of buttons) button.hidden = !store.may(ROLES[verb]) || !allowed(row, verb);
    },
  };
}

export function actorsView({ store }) {
  const body = h("tbody", {});
  const rows = new Keyed(body, () => actorRow(store));
  const addresses = h("div", { class: "strip addresses" });
  return {
    node: h("div", { class: "view", id: "actors" }, h("div", { class: "wide" }, h("table", { class: "actors" },
      h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", {}, name)))), body)), addresses),
    topics: () => [],
    update() {
      if (!store.status) return;
      rows.update(store.status.actors, (row) => row.id);
      const told = Object.entries(store.status.addresses || {}).map(([name, address]) => `${name}: ${address}`);
      if (addresses.dataset.key !== told.join()) {
        addresses.dataset.key = told.join();
        addresses.replaceChildren(...told.map((text) => h("span", {}, text)));
      }
    },
  };
}
