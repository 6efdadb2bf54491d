// One variable in every detail: its worth, params and actions, a write where the role allows it, and why it is so.

import { get, post, query } from "./api.js";
import { h, setClass, setText } from "./dom.js";
import { compact, dateAndTime, timeOfDay } from "./text.js";

const ASKED = "Asked; waiting for the answer\u2026";

const pretty = (value) => JSON.stringify(value, null, 2);

const pair = (name, ...value) => h("div", { class: "pair" }, h("span", { class: "label" }, name), h("span", { class: "what" }, value));

const gate = (edge) => h("span", { class: edge.open ? "gate" : "gate closed" }, edge.open ? "open" : "closed", edge.why ? `: ${edge.why}` : "");

export class DataDetail {
  constructor({ store }) {
    this.store = store;
    this.at = { instance: "", table: "", name: "" };
    this.one = null;
    this.drawn = "";
    this.shut = new Set(["Options"]); // parts that the user has closed
    this.offered = false; // the present value is put into the field once, not while somebody writes
    this.title = h("h2", {});
    this.worth = h("div", { class: "pairs" });
    this.input = h("input", { id: "write-value", "aria-label": "New value" });
    this.outcome = h("p", { class: "told", role: "status", id: "write-told" });
    this.button = h("button", { type: "submit", id: "write" }, "Write");
    this.form = h("form", { class: "write", onsubmit: (event) => { event.preventDefault(); this.write(); } },
      this.input, this.button, this.outcome);
    this.whyButton = h("button", { id: "why", onclick: () => this.why() }, "Why?");
    this.reasons = h("div", { class: "reasons", id: "reasons" });
    this.more = h("div", { class: "more" });
    this.node = h("div", { class: "panel detail", id: "detail", hidden: true }, this.title, this.worth, this.form,
      h("div", {}, this.whyButton), this.reasons, this.more);
  }

  show(at) {
    if (at.instance !== this.at.instance || at.table !== this.at.table || at.name !== this.at.name) {
      this.drawn = "";
      this.one = null;
      this.input.value = "";
      this.offered = false;
      setText(this.outcome, "");
      this.reasons.replaceChildren();
      this.more.replaceChildren();
      this.worth.replaceChildren();
    }
    this.at = at;
    this.form.hidden = !this.mayWrite();
    this.node.hidden = !at.name;
    setText(this.title, at.name);
  }

  update(one) {
    if (!this.at.name || !one) return;
    this.form.hidden = !this.mayWrite();
    const key = JSON.stringify(one);
    if (key === this.drawn) return;
    this.drawn = key;
    this.one = one;
    this.worth.replaceChildren(
      pair("Value", h("b", {}, compact(one.value)), one.params.unit ? ` ${one.params.unit}` : "", ` (${one.kind})`),
      pair("Quality", one.quality.toLowerCase()),
      pair("Changed", dateAndTime(one.changed_at)),
      pair("Before", compact(one.previous)),
      one.vlink ? pair("Same value as", one.vlink) : "",
      one.locked ? pair("Locked", "takes no writes") : "",
      one.read_by ? pair("Read by", one.read_by) : "");
    if (!this.offered) this.input.value = this.input.value || compact(one.value);
    this.offered = true;
    const parts = [["Params", one.params], ["Actions", one.actions], ["Options", one.options], ["Alarms", one.alarms]];
    this.more.replaceChildren(...parts.filter(([, what]) => what && Object.keys(what).length).map(([name, what]) => h("details", {
      open: !this.shut.has(name), ontoggle: (event) => (event.target.open ? this.shut.delete(name) : this.shut.add(name)),
    }, h("summary", {}, name), h("pre", {}, pretty(what)))));
  }

  // An operator commands the site interface; anything else is for an engineer. The server has the last word.
  mayWrite() {
    return this.store.may("engineer") || (this.store.may("operator") && /^\/site(\/|$)/.test(this.at.table));
  }

  async write() {
    const text = this.input.value;
    let body = text;
    if (this.one?.kind !== "text") {
      try {
        body = JSON.parse(text);
      } catch {
        this.tell(`${text} is no ${this.one?.kind || "value"}; write it as JSON`, true);
        return;
      }
    }
    this.button.disabled = true;
    this.tell(ASKED, false);
    try {
      await post("/api/message", { method: "set", uri: this.uri(), body });
      this.tell(`Set to ${compact(body)}.`, false);
    } catch (problem) {
      this.tell(problem.message, true);
    } finally {
      this.button.disabled = false;
    }
  }

  // An instance is reached by its name in front; an operator may only write where the site controller does.
  uri() {
    const { instance, table, name } = this.at;
    return this.store.may("engineer") ? `/${instance}${table}/${name}` : `${table}/${name}`;
  }

  tell(text, refused) {
    setText(this.outcome, text);
    setClass(this.outcome, "refusal", refused);
  }

  async why() {
    const { instance, table, name } = this.at;
    this.whyButton.disabled = true;
    this.reasons.replaceChildren(h("p", { class: "told" }, ASKED));
    try {
      const { reply } = await get(query("/api/trace", { uri: `/${instance}${table}/${name}` }));
      if (name !== this.at.name) return;
      this.reasons.replaceChildren(...this.told(reply));
    } catch (problem) {
      this.reasons.replaceChildren(h("p", { class: "refusal" }, problem.message));
    } finally {
      this.whyButton.disabled = false;
    }
  }

  told(trace) {
    const edges = (list, end) => (list.length ? h("ul", {}, list.map((edge) => h("li", {}, h("b", {},
      [edge.instance, edge.bus, edge[end]].filter(Boolean).join(" ") || "the scheduler"), ` ${edge.kind} ${edge.place} `, gate(edge)))) : h("p", {}, "none known"));
    const last = trace.changes.at(-1);
    return [
      h("h3", {}, "Written last"),
      h("p", { class: "last" }, last ? `${timeOfDay(last.time)} ${compact(last.value)}, by ${last.by}`
        : `no change since ${timeOfDay(trace.recorded_since)}, when this question began the record; ask again after the next change`),
      trace.changes.length > 1 ? h("details", {}, h("summary", {}, `${trace.changes.length} changes`), h("ul", {}, [...trace.changes].reverse()
        .map((one) => h("li", {}, `${timeOfDay(one.time)} ${compact(one.value)}, by ${one.by}`)))) : "",
      h("h3", {}, "Its own actions"), h("p", {}, gate(trace.gate), trace.locked ? "; locked: it takes no writes" : ""),
      h("h3", {}, "Who writes it"), edges(trace.written_by, "from"),
      trace.sent_by.length ? [h("h3", {}, "Who sends to it"), edges(trace.sent_by, "from")] : "",
      h("h3", {}, "Whom it writes"), edges(trace.writes, "to"),
      trace.shares_value_with.length ? [h("h3", {}, "Same value"), h("p", {}, trace.shares_value_with.join(", "))] : "",
    ].flat();
  }
}
