// Alarms in words and signs: each priority has a shape and a number of its own, so that colour is never alone.

import { h, s } from "./dom.js";

export const PRIORITIES = ["critical", "high", "medium", "low"];

const SHAPES = {
  critical: "M2 2H18V18H2Z",
  high: "M10 1.5L19 18H1Z",
  medium: "M10 1L19 10L10 19L1 10Z",
  low: "M10 1.5A8.5 8.5 0 1 1 9.99 1.5Z",
};

export const STATES = {
  normal: "normal",
  unacknowledged_active: "active, not acknowledged",
  acknowledged_active: "active, acknowledged",
  returned_unacknowledged: "returned, not acknowledged",
  latched: "latched: clear it",
  shelved: "shelved",
  suppressed: "suppressed by design",
  out_of_service: "out of service",
  active: "active",
};

const QUIET = ["shelved", "suppressed", "out_of_service", "normal"];

// What an alarm is called; what was told when it came is read behind it.
export const nameOf = (alarm) => alarm.name || alarm.message;

export const isQuiet = (alarm) => QUIET.includes(alarm.state);

export const isNew = (alarm) => ["unacknowledged_active", "returned_unacknowledged"].includes(alarm.state);

export const priorityOf = (alarm) => alarm.priority
  || { 4: "critical", 3: "high", 2: "medium" }[alarm.severity] || "low";

export const rank = (alarm) => PRIORITIES.indexOf(priorityOf(alarm));

// What a person should look at first: what is new, then what is worst, then what is newest.
export function byUrgency(one, two) {
  return Number(isQuiet(one)) - Number(isQuiet(two))
    || Number(isNew(two)) - Number(isNew(one))
    || rank(one) - rank(two)
    || two.since - one.since;
}

export function mark(priority, quiet = false) {
  const number = PRIORITIES.indexOf(priority) + 1;
  return s("svg", {
    class: `mark ${quiet ? "quiet" : priority}`, viewBox: "0 0 20 20", role: "img", "aria-label": priority,
  }, s("path", { d: SHAPES[priority] }), s("text", { x: 10, y: priority === "high" ? 16 : 14.3 }, number));
}

export const firstOut = () => h("span", { class: "first-out", title: "The first cause of this trip" }, "FIRST");

export const assetOf = (alarm) => [alarm.instance, alarm.asset].filter(Boolean).join(" \u203a ");
