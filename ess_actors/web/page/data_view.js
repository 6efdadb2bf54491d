// The process image of an instance: its tables, one table live, and one variable in every detail.

import { get, query } from "./api.js";
import { DataDetail } from "./data_detail.js";
import { h, Keyed, setAttribute, setClass, setText } from "./dom.js";
import { compact, duration } from "./text.js";

const AGAIN_MS = 3000;
const MOST = 400; // names of a search that are listed

const hash = (...parts) => `#/data/${parts.map(encodeURIComponent).join("/")}`;

export function dataView(context) {
  const { store } = context;
  const instance = h("select", { id: "data-instance", "aria-label": "Instance", onchange: () => { location.hash = hash(instance.value); } });
  const search = h("input", { type: "search", id: "data-search", placeholder: "Find table or variable", "aria-label": "Find table or variable", oninput: drawNames });
  const names = h("div", { class: "names", id: "data-names" });
  const title = h("h2", {});
  const told = h("p", { class: "told" });
  const body = h("tbody", {});
  const columns = h("thead", {}, h("tr", {}, ["Name", "Value", "", "Quality", "Changed"].map((name) => h("th", {}, name))));
  const table = h("table", { class: "variables", hidden: true }, columns, body);
  const detail = new DataDetail(context);
  let at = { instance: "", table: "", name: "" };
  let tables = {};
  let known = "";
  let loaded = false;
  let again = 0;
  const rows = new Keyed(body, variableRow);

  function variableRow() {
    let one = null;
    const link = h("a", {});
    const value = h("td", { class: "value" });
    const unit = h("td", { class: "unit" });
    const quality = h("td", {});
    const age = h("td", { class: "age" });
    const node = h("tr", { onclick: () => { location.hash = hash(at.instance, at.table, one.name); } },
      h("td", { class: "name" }, link), value, unit, quality, age);
    return {
      node,
      update(next) {
        one = next;
        setText(link, one.name);
        setAttribute(link, "href", hash(at.instance, at.table, one.name));
        setAttribute(node, "data-name", one.name);
        setClass(node, "current", one.name === at.name);
        setText(value, compact(one.value));
        setText(unit, one.params.unit || "");
        setText(quality, one.quality === "GOOD" ? "good" : one.quality.toLowerCase());
        setClass(quality, "noted", one.quality !== "GOOD");
        setText(age, duration(store.now() - one.changed_at));
      },
    };
  }

  function drawNames() {
    const wanted = search.value.trim().toLowerCase();
    const found = [];
    for (const [uri, members] of Object.entries(tables)) {
      if (!wanted || uri.toLowerCase().includes(wanted)) found.push([uri, "", members.length]);
      if (wanted) for (const name of members) if (`${uri}:${name}`.toLowerCase().includes(wanted)) found.push([uri, name, 0]);
      if (found.length > MOST) break;
    }
    names.replaceChildren(...found.slice(0, MOST).map(([uri, name, count]) => h("a", {
      href: name ? hash(at.instance, uri, name) : hash(at.instance, uri),
      class: uri === at.table && !name ? "current" : null,
    }, h("span", {}, name ? `${uri}:${name}` : uri), h("span", { class: "unit" }, count || ""))),
    found.length ? "" : h("p", { class: "nothing" }, loaded ? "Nothing is called so." : "Waiting for the names\u2026"),
    found.length > MOST ? h("p", { class: "nothing" }, `More than ${MOST}; write more of the name.`) : "");
  }

  async function load() {
    const wanted = at.instance;
    try {
      const { reply } = await get(query("/api/browse", { instance: wanted }));
      if (wanted !== at.instance) return;
      tables = reply.tables;
      setText(told, "");
      loaded = true;
    } catch (problem) {
      if (wanted !== at.instance) return;
      setText(told, problem.message);
      clearTimeout(again);
      again = setTimeout(load, AGAIN_MS);
    }
    drawNames();
  }

  return {
    node: h("div", { class: "data", id: "data" }, h("div", { class: "panel list" }, h("div", { class: "tools" }, instance, search), names),
      h("div", { class: "panel content" }, title, told, h("div", { class: "wide" }, table)), detail.node),
    topics: () => (at.table ? [`table:/${at.instance}${at.table}`] : []),
    go([wanted = "", uri = "", name = ""]) {
      const chosen = wanted || at.instance || store.instances()[0] || "";
      const before = at;
      at = { instance: chosen, table: uri, name };
      if (chosen !== before.instance && chosen) {
        tables = {};
        loaded = false;
        drawNames();
        load();
      }
      else drawNames();
      setText(title, uri ? `${chosen} ${uri}` : "Choose a table");
      table.hidden = !uri;
      if (before.table !== uri) rows.update([], (one) => one.name);
      detail.show(at);
      context.topics();
      context.later();
    },
    update() {
      const list = store.instances();
      if (list.join() !== known) {
        known = list.join();
        instance.replaceChildren(...list.map((name) => h("option", { value: name }, name)));
        if (!at.instance && list.length) this.go([list[0]]);
      }
      if (instance.value !== at.instance) instance.value = at.instance;
      if (!at.table) return;
      const live = store.tables.get(`/${at.instance}${at.table}`);
      if (!live) return;
      setText(told, live.error ? live.text || live.error : "");
      rows.update(live.variables || [], (one) => one.name);
      detail.update((live.variables || []).find((one) => one.name === at.name));
    },
    close: () => clearTimeout(again),
  };
}
