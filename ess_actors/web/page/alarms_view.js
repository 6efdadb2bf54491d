// The alarm list: what stands, what is quiet by order, what followed from what; and the figures of the alarm system.

import { ApiError, get, post } from "./api.js";
import { AlarmHistory } from "./alarm_history.js";
import { alarmRow } from "./alarm_row.js";
import { byUrgency, isNew, isQuiet, priorityOf, PRIORITIES } from "./alarm_words.js";
import { spark } from "./draw.js";
import { h, Keyed, setClass, setText } from "./dom.js";
import { askToClear } from "./plant_view.js";
import { number } from "./text.js";

const FIGURES_MS = 5000;

// One name each, in the order of the row's cells.
export const COLUMNS = ["", "Where", "Alarm", "Value", "State", "Since", "Age", ""];

// Alarms in the order in which they are shown: each cause with its consequences below it.
export function grouped(alarms) {
  const known = new Map(alarms.map((alarm) => [alarm.id, alarm]));
  const below = new Map();
  const tops = [];
  for (const alarm of [...alarms].sort(byUrgency)) {
    const cause = alarm.cause && alarm.cause !== alarm.id ? known.get(alarm.cause) : null;
    if (!cause) tops.push(alarm);
    else below.set(alarm.cause, [...(below.get(alarm.cause) || []), alarm]);
  }
  // An alarm that follows from another that is itself a consequence stands in the same group.
  const seen = new Set();
  const withAll = (alarm, depth) => {
    if (seen.has(alarm.id)) return [];
    seen.add(alarm.id);
    return [{ alarm, depth, followers: (below.get(alarm.id) || []).length },
      ...(below.get(alarm.id) || []).flatMap((one) => withAll(one, depth + 1))];
  };
  const rows = tops.sort((one, two) => Number(Boolean(two.first_out)) - Number(Boolean(one.first_out)) || byUrgency(one, two))
    .flatMap((alarm) => withAll(alarm, 0));
  return [...rows, ...alarms.filter((alarm) => !seen.has(alarm.id)).map((alarm) => ({ alarm, depth: 0, followers: 0 }))];
}

export function alarmsView(context) {
  const { store } = context;
  const closed = new Set();
  const told = h("p", { class: "told", role: "status", id: "alarm-told" });
  const figures = h("div", { class: "strip", id: "alarm-figures" });
  const rate = spark("Alarms per ten minutes, last day", { from: 0, least: 10, width: 144 });
  const day = h("span", { class: "day", title: "Alarms per ten minutes, last day; a flood begins above 10" }, rate.node);
  const text = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter", oninput: context.later });
  const instance = h("select", { "aria-label": "Instance", onchange: context.later });
  const priority = h("select", { "aria-label": "Priority", onchange: context.later },
    h("option", { value: "" }, "All priorities"), PRIORITIES.map((name) => h("option", { value: name }, name)));
  const quiet = h("input", { type: "checkbox", id: "show-quiet", onchange: context.later });
  const all = h("button", { id: "ack-all", onclick: () => acknowledge({ all: true }) }, "Acknowledge all");
  const clear = h("button", { id: "clear", onclick: () => askToClear(context) }, "Clear faults\u2026");
  const body = h("tbody", {});
  const none = h("p", { class: "nothing" }, "");
  const standing = h("div", {}, h("div", { class: "tools" }, text, instance, priority,
    h("label", { for: "show-quiet", class: "check" }, quiet, " shelved, suppressed, out of service"),
    h("span", { class: "right" }, all, clear)),
  told, h("div", { class: "wide" }, h("table", { class: "alarms" },
    h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", {}, name)))), body)), none);
  const history = new AlarmHistory(store);
  const tabs = ["list", "history"].map((name) => h("a", { href: name === "list" ? "#/alarms" : "#/alarms/history" },
    name === "list" ? "Standing" : "History"));
  const rows = new Keyed(body, () => alarmRow({ store, tell, acknowledge, toggle }));
  let instances = "";
  let part = "list";
  let known = null;
  const timer = setInterval(askFigures, FIGURES_MS);
  askFigures();

  function tell(outcome, refused) {
    setText(told, outcome);
    setClass(told, "refusal", refused);
  }

  async function acknowledge(which) {
    try {
      tell((await post("/api/alarms/ack", which)).text, false);
    } catch (problem) {
      tell(problem.message, true);
    }
  }

  function toggle(id) {
    if (!closed.delete(id)) closed.add(id);
    context.later();
  }

  async function askFigures() {
    try {
      known = await get("/api/alarms/figures");
    } catch (problem) {
      known = problem instanceof ApiError ? null : known;
    }
    context.later();
  }

  function drawFigures(list) {
    const flood = known?.flood?.now;
    const cells = known ? [["in 10 minutes", known.per_10_min], ["per operator hour", known.per_operator_hour],
      ["standing", known.standing], ["shelved", known.shelved], ["suppressed", known.suppressed],
      ["out of service", known.out_of_service], ["chattering", known.chattering?.length], ["stale", known.stale?.length],
      ["floods", known.flood?.total]] : [["standing", list.filter((alarm) => !isQuiet(alarm)).length]];
    day.hidden = !known?.series;
    rate.update((known?.series || []).map(([, count]) => count), 144);
    const key = JSON.stringify([cells, flood]);
    if (figures.dataset.key === key) return;
    figures.dataset.key = key;
    figures.replaceChildren(day, ...cells.map(([name, value]) => h("span", {}, h("b", {}, number(value, Number.isInteger(value) ? 0 : 1)), ` ${name}`)),
      ...(flood ? [h("span", { class: "abnormal" }, "alarm flood: begin with the first cause")] : []),
      ...(known?.top?.length ? [h("details", { class: "top" }, h("summary", {}, "Top ten"),
        h("ol", {}, known.top.map((one) => h("li", {}, `${one.count} \u00d7 ${one.id}`))))] : []));
  }

  function drawList(list) {
    const names = store.instances();
    if (names.join() !== instances) {
      instances = names.join();
      const chosen = instance.value;
      instance.replaceChildren(h("option", { value: "" }, "All instances"), ...names.map((name) => h("option", { value: name }, name)));
      instance.value = names.includes(chosen) ? chosen : "";
    }
    const wanted = text.value.toLowerCase();
    const fits = (alarm) => (quiet.checked || !isQuiet(alarm))
      && (!instance.value || alarm.instance === instance.value)
      && (!priority.value || priorityOf(alarm) === priority.value)
      && (!wanted || [alarm.instance, alarm.asset, alarm.source, alarm.name, alarm.message].join(" ").toLowerCase().includes(wanted));
    const shown = [];
    let hidden = -1;
    for (const row of grouped(list.filter(fits))) {
      if (hidden >= 0 && row.depth > hidden) continue;
      hidden = row.followers && closed.has(row.alarm.id) ? row.depth : -1;
      shown.push({ ...row, closed: closed.has(row.alarm.id) });
    }
    rows.update(shown, (row) => row.alarm.id || `${row.alarm.instance} ${row.alarm.source} ${row.alarm.type}`);
    const rest = list.filter(isQuiet).length;
    setText(none, store.alarms?.error ? `The alarms are not known: ${store.alarms.text}`
      : !store.alarms ? "Waiting for the alarms\u2026"
        : shown.length ? "" : `No alarm ${list.length && (wanted || priority.value || instance.value) ? "fits the filter" : "stands"}.${
          rest && !quiet.checked ? ` ${rest} shelved, suppressed or out of service.` : ""}`);
  }

  return {
    node: h("div", { class: "view", id: "alarms" }, h("div", { class: "tabs" }, tabs, figures), standing, history.node),
    topics: () => [],
    go([name]) {
      part = name === "history" ? "history" : "list";
      tabs.forEach((tab, index) => setClass(tab, "current", (index === 1) === (part === "history")));
      standing.hidden = part !== "list";
      history.node.hidden = part === "list";
      if (part === "history") history.load();
    },
    update() {
      const list = store.alarms?.alarms || [];
      drawFigures(list);
      all.hidden = !store.may("operator");
      clear.hidden = !store.may("operator");
      all.disabled = !list.some(isNew);
      if (part === "list") drawList(list);
      else history.update();
    },
    close: () => clearInterval(timer),
  };
}
