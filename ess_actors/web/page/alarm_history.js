// What became of alarms: their transitions from the journal, filtered.

import { get, query } from "./api.js";
import { mark, PRIORITIES, STATES } from "./alarm_words.js";
import { h, setClass, setText } from "./dom.js";
import { compact, dateAndTime } from "./text.js";

const SPANS = [["3600", "Last hour"], ["28800", "Last 8 hours"], ["86400", "Last day"], ["604800", "Last week"], ["", "All"]];
const COLUMNS = ["Time", "", "Where", "From", "To", "By", "Why", "Value"];

export class AlarmHistory {
  constructor(store) {
    this.store = store;
    this.instances = "";
    const again = () => this.load();
    this.span = h("select", { "aria-label": "Time", onchange: again }, SPANS.map(([value, name]) => h("option", { value }, name)));
    this.instance = h("select", { "aria-label": "Instance", onchange: again }, h("option", { value: "" }, "All instances"));
    this.priority = h("select", { "aria-label": "Priority", onchange: again },
      h("option", { value: "" }, "All priorities"), PRIORITIES.map((name) => h("option", { value: name }, name)));
    this.text = h("input", { type: "search", placeholder: "Text, Enter to search", "aria-label": "Text" });
    this.told = h("p", { class: "told", role: "status" });
    this.body = h("tbody", {});
    this.span.value = "86400";
    const form = h("form", { class: "tools", onsubmit: (event) => { event.preventDefault(); this.load(); } },
      this.span, this.instance, this.priority, this.text, h("button", { type: "submit" }, "Show"));
    this.node = h("div", { id: "alarm-history" }, form, this.told,
      h("div", { class: "wide" }, h("table", { class: "transitions" },
        h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", {}, name)))), this.body)));
  }

  update() {
    const names = this.store.instances();
    if (names.join() === this.instances) return;
    this.instances = names.join();
    const chosen = this.instance.value;
    this.instance.replaceChildren(h("option", { value: "" }, "All instances"), ...names.map((name) => h("option", { value: name }, name)));
    this.instance.value = names.includes(chosen) ? chosen : "";
  }

  async load() {
    setText(this.told, "Looking\u2026");
    setClass(this.told, "refusal", false);
    try {
      const since = this.span.value ? this.store.now() - Number(this.span.value) : "";
      const { transitions } = await get(query("/api/alarms/history", {
        since, instance: this.instance.value, priority: this.priority.value, text: this.text.value, limit: 500,
      }));
      this.body.replaceChildren(...transitions.map(row));
      setText(this.told, transitions.length ? `${transitions.length}${transitions.length === 500 ? " newest" : ""} transitions` : "Nothing fits.");
    } catch (problem) {
      setText(this.told, problem.message);
      setClass(this.told, "refusal", true);
    }
  }
}

function row(one) {
  return h("tr", {},
    h("td", { class: "since" }, dateAndTime(one.time)),
    h("td", { class: "sign" }, PRIORITIES.includes(one.priority) ? mark(one.priority, one.to === "normal") : ""),
    h("td", { class: "where" }, h("b", {}, one.instance), h("span", { class: "source" }, one.source)),
    h("td", {}, STATES[one.from] || one.from), h("td", {}, STATES[one.to] || one.to),
    h("td", {}, one.by || ""), h("td", {}, one.why || ""), h("td", { class: "value" }, compact(one.value ?? "")));
}
