// The frame of the page: header, alarm banner, connection, and which of the five views is shown.

import { ApiError, get, post, setSession } from "./api.js";
import { Banner } from "./banner.js";
import { h, setClass, setText } from "./dom.js";
import { Live } from "./live.js";
import { loginForm } from "./login.js";
import { Store } from "./store.js";
import { duration, timeOfDay } from "./text.js";
import { actorsView } from "./actors_view.js";
import { alarmsView } from "./alarms_view.js";
import { dataView } from "./data_view.js";
import { plantView } from "./plant_view.js";
import { trendsView } from "./trends_view.js";

const VIEWS = {
  plant: ["Plant", plantView],
  alarms: ["Alarms", alarmsView],
  trends: ["Trends", trendsView],
  actors: ["Actors", actorsView],
  data: ["Data", dataView],
};

const store = new Store();
const links = {};
let view = null;
let shown = "";
let pending = false;

const site = h("span", { class: "site" });
const state = h("span", { class: "chip", id: "site-state" });
const who = h("span", { class: "who", id: "who" });
const clock = h("span", { class: "clock" });
const logout = h("button", { class: "quiet", id: "logout", onclick: leave }, "Log out");
const change = h("button", { class: "quiet", id: "change-user", onclick: login }, "Log in");
const lost = h("div", { class: "lost", id: "lost", role: "alert", hidden: true });
const main = h("main", { id: "main" });
const banner = new Banner(store);

const nav = h("nav", { "aria-label": "Views" });
for (const [name, [title]] of Object.entries(VIEWS)) {
  links[name] = h("a", { href: `#/${name}`, id: `nav-${name}` }, title);
  nav.append(links[name]);
}
document.body.append(
  h("header", {}, h("div", { class: "title" }, site, state), nav, h("div", { class: "user" }, clock, who, change, logout)),
  lost, banner.node, main,
);

const live = new Live({
  onEvent: (event) => {
    store.take(event);
    later();
  },
  onState: (connected) => {
    store.connected = connected;
    if (!connected) store.lostAt = Date.now() - (performance.now() - live.heard);
    setClass(document.body, "stale", !connected);
    frame();
    later();
  },
  onRefused: (code) => code === 401 && login(),
});

// One drawing for however many events came in between.
function later() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    frame();
    banner.update();
    view?.update();
  });
}

function frame() {
  setText(site, store.status?.site || "");
  setText(state, store.status ? store.status.state : "\u2026");
  setClass(state, "abnormal", store.status && !store.status.ready);
  setText(clock, store.connected ? timeOfDay(store.now()) : "");
  const missing = !store.connected && store.lostAt > 0;
  lost.hidden = !missing;
  if (missing) {
    setText(lost, `No connection to the site for ${duration((Date.now() - store.lostAt) / 1000)}. `
      + "The values below are the last that came. It is tried again by itself.");
  }
  const me = store.me;
  setText(who, !me ? "" : me.user === me.role ? me.user : `${me.user} (${me.role})`);
  logout.hidden = !me || me.via !== "session";
  change.hidden = !me || me.via === "session";
  document.title = `${VIEWS[shown]?.[0] || "Plant"} \u00b7 ${store.status?.site || "site"}`;
}

function route() {
  if (!store.me) return;
  const [, name = "", ...rest] = location.hash.split("?")[0].split("/");
  const wanted = VIEWS[name] ? name : "plant";
  if (view && wanted === shown && view.go) {
    view.go(rest.map(decodeURIComponent));
  } else {
    view?.close?.();
    shown = wanted;
    view = VIEWS[wanted][1]({ store, topics, later });
    main.replaceChildren(view.node);
    main.scrollTop = 0;
    view.go?.(rest.map(decodeURIComponent));
  }
  for (const [other, link] of Object.entries(links)) {
    if (other === wanted) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  topics();
  later();
}

// A view tells that it shows other topics now.
function topics() {
  const wanted = ["status", "alarms", ...(view?.topics() || [])];
  store.forget(wanted);
  live.show(wanted);
}

function login() {
  live.stop();
  view?.close?.();
  view = null;
  shown = "";
  store.me = null;
  setSession("");
  frame();
  if (!document.getElementById("login")) main.replaceChildren(loginForm(enter));
}

function enter(me) {
  store.me = me;
  setSession(me.csrf);
  route();
}

async function leave() {
  try {
    await post("/api/logout");
  } finally {
    // Where this host needs no login, the page goes on as before the login.
    login();
    begin();
  }
}

async function begin() {
  try {
    enter(await get("/api/me"));
  } catch (problem) {
    if (problem instanceof ApiError && problem.code === 401) return login();
    if (!store.lostAt) store.lostAt = Date.now();
    frame();
    setTimeout(begin, 1000);
  }
}

setSession("", login);
addEventListener("hashchange", route);
setInterval(() => later(), 1000);
begin();
