// What the page knows: the last of every topic that is shown, who the user is, and the server's clock.

export const RANKS = { viewer: 0, operator: 1, engineer: 2 };

export class Store {
  constructor() {
    this.connected = false;
    this.me = null;
    this.status = null;
    this.alarms = null;
    this.values = new Map(); // topic -> Map("from uri" -> {from, uri, body})
    this.tables = new Map(); // topic -> the table, or {error, text}
    this.ages = {};          // instance -> seconds since it was heard of, at the last tick
    this.offset = 0;         // server's clock minus ours, seconds
    this.lostAt = 0;
    this.spark = new Map();  // actor or point -> recent numbers
  }

  now() {
    return Date.now() / 1000 + this.offset;
  }

  may(role) {
    return Boolean(this.me) && RANKS[this.me.role] >= RANKS[role];
  }

  take(event) {
    const { topic, body } = event;
    this.offset = event.time - Date.now() / 1000;
    if (topic === "tick") this.ages = body.ages;
    else if (topic === "status") this.takeStatus(body);
    else if (topic === "alarms") this.alarms = body;
    else if (topic.startsWith("table:")) this.tables.set(topic.slice(6), body);
    else if (topic.startsWith("uri:")) {
      if (event.snapshot || !this.values.has(topic)) this.values.set(topic, new Map());
      const known = this.values.get(topic);
      for (const one of body) known.set(`${one.from} ${one.uri}`, one);
    }
  }

  takeStatus(body) {
    if (!body.actors) return;
    this.status = body;
    for (const row of body.actors) this.remember(`cpu ${row.id}`, row.cpu_percent, 60);
  }

  remember(name, value, most) {
    const line = this.spark.get(name) || [];
    line.push(typeof value === "number" ? value : null);
    if (line.length > most) line.splice(0, line.length - most);
    this.spark.set(name, line);
  }

  // Everything that came over the bus, whatever topic brought it.
  all() {
    return [...this.values.values()].flatMap((one) => [...one.values()]);
  }

  forget(topics) {
    for (const topic of this.values.keys()) if (!topics.includes(topic)) this.values.delete(topic);
    for (const uri of this.tables.keys()) if (!topics.includes(`table:${uri}`)) this.tables.delete(uri);
  }

  actor(id) {
    return this.status?.actors.find((row) => row.id === id) || null;
  }

  instances() {
    return (this.status?.actors || []).filter((row) => row.kind === "ess").map((row) => row.id);
  }
}
