// What of the site is a battery, a power conversion system, a total: found in what the instances say, by their members.

const SILENT_S = 3.5; // an instance publishes its summaries every second at least while a page is open
const OLD_S = 5; // a device is read several times a second, or once

const has = (body, ...names) => names.every((name) => name in body);

function kindOf(body) {
  if (!has(body, "soc")) return has(body, "active_power") || has(body, "frequency") ? "pcs" : "other";
  if (has(body, "active_power") || has(body, "chargeable_power")) return "system";
  return has(body, "comms_ok") || has(body, "state") ? "bms" : "total";
}

// One member of a summary with what is known of its worth: {value, quality, age}. Absent ones are missing.
export function reading(asset, name) {
  const told = asset?.body[name];
  if (told === undefined) return { value: null, quality: "MISSING", age: null };
  const value = typeof told === "object" && told !== null ? told.value : told;
  const quality = asset.silent ? "OLD" : told?.quality || "GOOD";
  return { value, quality, age: asset.age };
}

const asNumber = (one) => (typeof one.value === "number" ? one.value : null);

export const figure = (asset, name) => asNumber(reading(asset, name));

// Values of device tables that no summary has: the order that stands at a device.
function orderOf(values, instance) {
  const found = values.find((one) => one.from.startsWith(`${instance}/`) && one.uri.startsWith("/components/")
    && one.body && typeof one.body === "object" && "active_power_setpoint" in one.body)
    || values.find((one) => one.from === instance && one.uri.startsWith("/components/")
    && one.body && typeof one.body === "object" && "active_power_setpoint" in one.body);
  return plainNumber(found?.body.active_power_setpoint);
}

function requestOf(values, instance) {
  const found = values.find((one) => one.uri.startsWith("/site/") && one.from.split("/")[0] === instance
    && one.body && typeof one.body === "object" && "active_power_setpoint" in one.body
    && !("alarm_count" in one.body));
  return plainNumber(found?.body.active_power_setpoint);
}

function plainNumber(told) {
  const value = told && typeof told === "object" ? told.value : told;
  return typeof value === "number" ? value : null;
}

export function plantOf(store) {
  const values = store.all();
  const assets = new Map();
  const parts = new Map();
  for (const one of values) {
    if (!one.uri.startsWith("/assets/") || !one.body || typeof one.body !== "object") continue;
    const [asset, ...rest] = one.uri.slice("/assets/".length).split("/");
    if (rest.length === 1 && rest[0] === "summary") keepOwner(assets, asset, one, store);
    else if (rest.length === 1) {
      if (!parts.has(asset)) parts.set(asset, []);
      parts.get(asset).push({ name: rest[0], body: one.body });
    }
  }
  const plant = { bms: [], pcs: [], systems: [], totals: [], missing: [] };
  for (const [name, one] of assets) {
    const asset = described(name, one, store);
    const kind = kindOf(one.body);
    if (kind === "bms") plant.bms.push({ ...asset, racks: (parts.get(name) || []).sort(byName) });
    else if (kind === "pcs") {
      plant.pcs.push({ ...asset, order: orderOf(values, one.from), request: requestOf(values, one.from) });
    } else if (kind === "system") plant.systems.push(asset);
    else if (kind === "total") plant.totals.push(asset);
  }
  for (const row of store.status?.actors || []) {
    const name = row.id.split("/").pop();
    if (row.kind === "modbus_client" && !assets.has(name)) {
      plant.missing.push({ id: row.id, name, instance: row.id.split("/")[0], device: row });
    }
  }
  for (const list of Object.values(plant)) list.sort(byName);
  return plant;
}

const byName = (one, two) => one.name.localeCompare(two.name, "en", { numeric: true });

// Two instances may tell of one asset; the one that has the device, else the first, is believed.
function keepOwner(assets, name, one, store) {
  const known = assets.get(name);
  if (!known || (store.actor(`${one.from}/${name}`) && !store.actor(`${known.from}/${name}`))) assets.set(name, one);
}

function described(name, one, store) {
  const instance = store.actor(one.from);
  const device = store.actor(`${one.from}/${name}`);
  const age = store.ages[one.from] ?? null;
  const running = instance ? instance.state === "RUNNING" : false;
  const silent = !running || !store.connected || (age !== null && age > SILENT_S);
  return {
    name, body: one.body, instance: one.from, device, age, silent,
    title: typeof one.body.name === "string" ? one.body.name : one.body.name?.value || name,
    trouble: trouble(instance, device, age, running, one.body),
  };
}

// Why its values are no good now, in words; "" when they are.
function trouble(instance, device, age, running, body) {
  if (!running) return `${instance?.id || "its instance"} is ${instance ? instance.state : "not known"}`;
  if (age !== null && age > SILENT_S) return `${instance.id} is silent`;
  if (device && device.state !== "RUNNING") return `its client is ${device.state}`;
  if (body.comms_ok && body.comms_ok.value === false) return "no communication";
  if (device?.point_age_s > OLD_S) return "values are old";
  return "";
}

// The scale of a quantity that all batteries share, wide enough to say something.
export function scaleOf(list, low, high, least) {
  const seen = list.flatMap((asset) => [figure(asset, low), figure(asset, high)]).filter((value) => value !== null);
  if (!seen.length) return { from: 0, to: 1 };
  const middle = (Math.min(...seen) + Math.max(...seen)) / 2;
  const half = Math.max(least / 2, (Math.max(...seen) - Math.min(...seen)) * 0.75);
  const step = least / 10;
  return { from: Math.floor((middle - half) / step) * step, to: Math.ceil((middle + half) / step) * step };
}
