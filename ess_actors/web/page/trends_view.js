// Points over time: any by its name, several at once, live or days back, and all of it as CSV.

import { get, query } from "./api.js";
import { h, setText } from "./dom.js";
import { dateAndTime } from "./text.js";
import { labelOf, numbered, roundTimes, Strip } from "./trend_chart.js";

const SPANS = [["600", "10 minutes"], ["3600", "1 hour"], ["21600", "6 hours"], ["86400", "1 day"], ["604800", "1 week"], ["2592000", "30 days"]];
const MOST = 8;
const FOUND = 40;

// `/t/x` of `/t:x`, as histories and tables call it.
const parted = (point) => {
  const plain = point.replace(":", "/");
  return [plain.slice(0, plain.lastIndexOf("/")), plain.slice(plain.lastIndexOf("/") + 1)];
};

export function trendsView(context) {
  const { store } = context;
  const strips = new Map();
  const live = new Map(); // point -> rows that came after the last question
  let points = [];
  let span = 600;
  let until = null; // unix seconds; null = now, and live
  let asked = 0;
  let timer = 0;
  let series = new Map();
  let searching = 0;

  const search = h("input", { type: "search", id: "trend-search", placeholder: "Add a point: part of its name", "aria-label": "Add a point", oninput: find, onfocus: find });
  const found = h("div", { class: "found", id: "trend-found", hidden: true });
  const spans = h("select", { id: "trend-span", "aria-label": "Length", onchange: () => open({ span: Number(spans.value) }) },
    SPANS.map(([value, name]) => h("option", { value }, name)));
  const back = h("button", { title: "Earlier", onclick: () => move(-1) }, "\u25c2");
  const ahead = h("button", { title: "Later", onclick: () => move(1) }, "\u25b8");
  const now = h("button", { onclick: () => open({ until: null }) }, "Live");
  const csv = h("a", { class: "button", id: "trend-csv", download: "trend.csv" }, "CSV");
  const told = h("p", { class: "told", role: "status" });
  const range = h("span", { class: "range" });
  const area = h("div", { class: "strips", id: "trend-strips" });
  const times = h("div", { class: "times" });

  function open(change) {
    const next = { points, span, until, ...change };
    const pairs = new URLSearchParams();
    for (const point of next.points) pairs.append("point", point);
    pairs.set("span", next.span);
    if (next.until !== null) pairs.set("until", Math.round(next.until));
    location.hash = `#/trends?${pairs}`;
  }

  function move(direction) {
    const end = (until ?? store.now()) + direction * span * 0.5;
    open({ until: end >= store.now() ? null : end });
  }

  async function find() {
    const mine = (searching += 1);
    const text = search.value.trim();
    try {
      const { points: list } = await get(query("/api/history/points", { text, limit: FOUND }));
      if (mine !== searching) return;
      found.hidden = false;
      found.replaceChildren(...list.map((one) => h("button", {
        type: "button", class: "hit", "data-point": one.point,
        onclick: () => {
          found.hidden = true;
          search.value = "";
          if (!points.includes(one.point)) open({ points: [...points, one.point].slice(-MOST) });
        },
      }, one.point)), list.length ? "" : h("p", { class: "nothing" }, "No point is called so."));
    } catch (problem) {
      if (mine === searching) {
        found.hidden = false;
        found.replaceChildren(h("p", { class: "refusal" }, problem.message));
      }
    }
  }

  function ends() {
    const to = until ?? store.now();
    return [to - span, to];
  }

  async function load() {
    clearTimeout(timer);
    const mine = (asked += 1);
    const [since, to] = ends();
    if (points.length) {
      try {
        const { series: list } = await get(query("/api/history", { point: points, since, until: to, samples: 600 }));
        if (mine !== asked) return;
        series = new Map(list.map((one) => [one.point, one]));
        live.clear();
        setText(told, "");
      } catch (problem) {
        if (mine !== asked) return;
        setText(told, problem.message);
      }
    }
    draw();
    // While it is live the stream brings what is newer; the history is asked anew for what it has thinned out.
    if (until === null) timer = setTimeout(load, Math.max(10, span / 60) * 1000);
  }

  // The topic that a point's value comes with: its table in an instance, or the messages of the bus that carry it.
  const topicOf = (table) => (store.instances().includes(table.split("/")[1]) ? `table:${table}` : `uri:${table}`);

  // Its value now is the end of the line.
  function hear() {
    for (const point of points) {
      const [table, name] = parted(point);
      const told = store.tables.get(table)?.variables?.find((one) => one.name === name)
        || [...(store.values.get(`uri:${table}`)?.values() || [])].find((one) => one.uri === table && one.body && name in one.body)?.body[name];
      if (told === undefined) continue;
      const value = told !== null && typeof told === "object" ? told.value : told;
      if (typeof value !== "number" && typeof value !== "boolean") continue;
      const known = live.get(point) || [];
      const last = known.at(-1) || series.get(point)?.rows.at(-1);
      if (!last || Number(last[2]) !== Number(value)) known.push([store.now(), value, value, value, told?.quality]);
      live.set(point, known);
    }
  }

  function draw() {
    const [from, to] = ends();
    for (const [point, strip] of strips) {
      const one = series.get(point);
      const newest = one?.rows.at(-1)?.[0] ?? 0;
      const rows = [...(one?.rows || []), ...(live.get(point) || []).filter((row) => row[0] > newest)];
      strip.draw(numbered(rows), from, to, one?.resolution_s || 0);
    }
    times.replaceChildren(...roundTimes(from, to, innerWidth < 760 ? 3 : 8).map((time) => {
      const node = h("span", {}, labelOf(time, span));
      node.style.left = `${(100 * (time - from)) / (to - from)}%`;
      return node;
    }));
    setText(range, until === null ? "live" : `${dateAndTime(from)} to ${dateAndTime(to)}`);
    csv.href = points.length ? query("/api/history.csv", { point: points, since: from, until: to }) : "#/trends";
    csv.hidden = !points.length;
  }

  function place() {
    for (const [point, strip] of strips) {
      if (!points.includes(point)) {
        strip.node.remove();
        strips.delete(point);
      }
    }
    for (const point of points) {
      if (!strips.has(point)) {
        strips.set(point, new Strip(point, {
          onMove: (share) => strips.forEach((strip) => strip.read(share)),
          onRemove: () => open({ points: points.filter((other) => other !== point) }),
        }));
      }
      area.append(strips.get(point).node);
    }
    if (!points.length) setText(told, "Add a point to see it over time.");
    times.hidden = !points.length;
  }

  const hide = (event) => {
    if (!found.contains(event.target) && event.target !== search) found.hidden = true;
  };
  document.addEventListener("pointerdown", hide);

  return {
    node: h("div", { class: "view trends", id: "trends" }, h("div", { class: "tools" },
      h("div", { class: "finding" }, search, found), spans, back, ahead, now, range, h("span", { class: "right" }, csv)), told, area, times),
    topics: () => (until === null ? [...new Set(points.map((point) => topicOf(parted(point)[0])))] : []),
    go() {
      const given = new URLSearchParams(location.hash.split("?")[1] || "");
      points = given.getAll("point").slice(0, MOST);
      span = Number(given.get("span")) || 600;
      until = given.has("until") ? Number(given.get("until")) : null;
      spans.value = String(span);
      setText(told, "");
      place();
      context.topics();
      load();
    },
    update() {
      context.topics();
      if (until !== null || !points.length) return;
      hear();
      draw();
    },
    close() {
      clearTimeout(timer);
      asked += 1;
      document.removeEventListener("pointerdown", hide);
    },
  };
}
