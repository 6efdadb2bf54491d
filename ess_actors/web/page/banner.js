// The line on top of every view: how many alarms of each priority, and the one to look at, first-out before all.

import { byUrgency, firstOut, isNew, isQuiet, mark, nameOf, PRIORITIES, priorityOf, assetOf } from "./alarm_words.js";
import { h, setClass, setText } from "./dom.js";
import { duration } from "./text.js";

export class Banner {
  constructor(store) {
    this.store = store;
    this.counts = Object.fromEntries(PRIORITIES.map((name) => [name, h("b", {}, "0")]));
    this.groups = Object.fromEntries(PRIORITIES.map((name) => [name,
      h("span", { class: "count", title: `${name} alarms in the list` }, mark(name), this.counts[name])]));
    this.top = h("span", { class: "top" });
    this.more = h("span", { class: "more" });
    this.shown = null;
    this.node = h("a", { class: "banner", id: "banner", href: "#/alarms", "aria-live": "polite" },
      h("span", { class: "counts" }, Object.values(this.groups)), this.top, this.more);
  }

  update() {
    const known = this.store.alarms;
    const list = known?.alarms || [];
    const standing = list.filter((alarm) => !isQuiet(alarm)).sort(byUrgency);
    for (const name of PRIORITIES) {
      const count = standing.filter((alarm) => priorityOf(alarm) === name).length;
      setText(this.counts[name], count);
      setClass(this.groups[name], "none", !count);
    }
    const first = standing.find((alarm) => alarm.first_out) || standing[0];
    const key = known?.error || JSON.stringify(first && [first.id, first.source, nameOf(first), first.first_out]) || String(Boolean(known));
    if (key !== this.shown) {
      this.shown = key;
      if (known?.error) this.top.replaceChildren(`The alarms are not known: ${known.text}`);
      else if (!known) this.top.replaceChildren("\u2026");
      else if (!first) this.top.replaceChildren("No alarms");
      else {
        this.top.replaceChildren(mark(priorityOf(first)), first.first_out ? firstOut() : "",
          h("b", {}, assetOf(first)), h("span", { class: "message" }, nameOf(first)));
      }
    }
    const quiet = list.length - standing.length;
    const unknown = known?.unknown?.length ? `${known.unknown.join(", ")} does not answer` : "";
    setText(this.more, [unknown, known?.flood ? "alarm flood" : "", first ? duration(this.store.now() - first.since) : "",
      quiet ? `${quiet} quiet` : ""].filter(Boolean).join(" \u00b7 "));
    setClass(this.node, "alarming", standing.length || known?.error || unknown);
    setClass(this.node, "new", standing.some(isNew));
  }
}
