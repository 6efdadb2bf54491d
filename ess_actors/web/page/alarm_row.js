// One alarm of the list, with what may be done about it.

import { post } from "./api.js";
import { assetOf, firstOut, isNew, isQuiet, mark, nameOf, priorityOf, STATES } from "./alarm_words.js";
import { ask } from "./dialog.js";
import { h, setAttribute, setClass, setText } from "./dom.js";
import { compact, dateAndTime, duration, moment } from "./text.js";

const TIMES = [["15", "15 minutes"], ["60", "1 hour"], ["240", "4 hours"], ["480", "8 hours"], ["1440", "1 day"]];
const WHY = { name: "why", label: "Why", required: true };

export function alarmRow({ store, tell, acknowledge, toggle }) {
  let alarm = null;
  let drawn = "";
  const sign = h("td", { class: "sign" });
  const where = h("td", { class: "where" });
  const message = h("span", { class: "message" });
  const notes = h("div", { class: "notes" });
  const fold = h("button", { class: "fold small", onclick: () => toggle(alarm.id) });
  const value = h("td", { class: "value" });
  const state = h("td", { class: "state" });
  const since = h("td", { class: "since" });
  const age = h("td", { class: "age" });
  const buttons = {
    ack: h("button", { class: "small ack", onclick: () => acknowledge({ ids: [alarm.id] }) }, "Acknowledge"),
    shelve: h("button", { class: "small shelve", onclick: shelve }, "Shelve\u2026"),
    unshelve: h("button", { class: "small unshelve", onclick: () => order("unshelve", {}) }, "Unshelve"),
    remove: h("button", { class: "small remove", onclick: remove }, "Out of service\u2026"),
    restore: h("button", { class: "small restore", onclick: () => order("in_service", {}) }, "In service"),
  };
  const node = h("tr", {}, sign, where, h("td", { class: "text" }, message, fold, notes), value, state, since, age,
    h("td", { class: "do" }, Object.values(buttons)));

  async function order(verb, more) {
    try {
      tell((await post(`/api/alarms/${verb}`, { ids: [alarm.id], ...more })).text, false);
    } catch (problem) {
      tell(problem.message, true);
    }
  }

  function asked(verb, title, text, fields, more) {
    const { id } = alarm;
    ask({
      title, text: `${nameOf(alarm)}${text}`, fields, action: title,
      act: async (values) => {
        const outcome = await post(`/api/alarms/${verb}`, { ids: [id], ...more(values) });
        if (outcome.status === "ok") {
          tell(outcome.text, false);
          return null;
        }
        return outcome.text;
      },
    });
  }

  function shelve() {
    asked("shelve", "Shelve", ": it is put aside for a while, and comes back by itself.",
      [{ name: "minutes", label: "For", options: TIMES }, WHY],
      ({ minutes, why }) => ({ minutes: Number(minutes), why }));
  }

  function remove() {
    asked("out_of_service", "Out of service", ": it stays out until somebody takes it back.", [WHY], ({ why }) => ({ why }));
  }

  function draw({ depth, followers, closed }) {
    const priority = priorityOf(alarm);
    sign.replaceChildren(mark(priority, isQuiet(alarm)));
    where.replaceChildren(h("b", {}, assetOf(alarm)), h("span", { class: "source" }, alarm.source));
    setAttribute(node, "data-id", alarm.id);
    setAttribute(node, "data-state", alarm.state);
    setClass(node, "new", isNew(alarm));
    setClass(node, "quiet", isQuiet(alarm));
    for (let level = 0; level < 4; level += 1) setClass(node, `depth-${level}`, Math.min(depth, 3) === level);
    message.replaceChildren(alarm.first_out ? firstOut() : "", alarm.first_out ? " " : "", nameOf(alarm));
    setAttribute(message, "title", alarm.message);
    fold.hidden = !followers;
    setText(fold, `${closed ? "\u25b8" : "\u25be"} ${followers} that followed`);
    setText(value, compact(alarm.value ?? ""));
    setAttribute(value, "title", compact(alarm.value ?? ""));
    setText(state, STATES[alarm.state] || alarm.state);
    setText(since, moment(alarm.since, store.now()));
    setAttribute(since, "title", dateAndTime(alarm.since));
    const told = [];
    if (alarm.quality === "UNCERTAIN") told.push(`uncertain: ${alarm.instance} is silent`);
    if (alarm.acknowledged) told.push(`acknowledged by ${alarm.acknowledged.by} at ${moment(alarm.acknowledged.at, store.now())}`);
    if (alarm.shelved) {
      told.push(`shelved by ${alarm.shelved.by} until ${moment(alarm.shelved.until, store.now())}: ${alarm.shelved.why}`
        + (alarm.active ? " (still active)" : ""));
    }
    if (alarm.count > 1) told.push(`${alarm.count} times`);
    setText(notes, told.join(" \u00b7 "));
    const operator = store.may("operator") && Boolean(alarm.id);
    const engineer = store.may("engineer") && Boolean(alarm.id);
    buttons.ack.hidden = !operator || !isNew(alarm);
    buttons.shelve.hidden = !operator || isQuiet(alarm);
    buttons.unshelve.hidden = !operator || alarm.state !== "shelved";
    buttons.remove.hidden = !engineer || alarm.state === "out_of_service";
    buttons.restore.hidden = !engineer || alarm.state !== "out_of_service";
  }

  return {
    node,
    update(row) {
      alarm = row.alarm;
      const key = JSON.stringify([row, store.me?.role]);
      if (key !== drawn) {
        drawn = key;
        draw(row);
      }
      setText(age, duration(store.now() - alarm.since));
    },
  };
}
