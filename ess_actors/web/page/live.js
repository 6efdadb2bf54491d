// The stream of what is shown. It is read by hand, since only so the silence between two events can be noticed.

const SILENT_MS = 1700; // the server says something twice a second
const AGAIN_MS = 700;

export class Live {
  // onEvent(event) for each event; onState(connected) when that changes; onRefused(status) when the server says no.
  constructor({ onEvent, onState, onRefused }) {
    this.onEvent = onEvent;
    this.onState = onState;
    this.onRefused = onRefused;
    this.topics = [];
    this.connected = false;
    this.heard = 0;
    this.run = 0;
    this.abort = null;
    this.begun = 0;
    setInterval(() => this.watch(), 200);
  }

  show(topics) {
    if (JSON.stringify(topics) === JSON.stringify(this.topics)) return;
    this.topics = topics;
    this.open();
  }

  // Nobody may look any more: that is no lost connection.
  stop() {
    this.topics = [];
    this.run += 1;
    this.abort?.abort();
    this.abort = null;
    this.connected = false;
  }

  open() {
    this.abort?.abort();
    this.run += 1;
    if (this.topics.length) this.read(this.run);
  }

  watch() {
    const silent = performance.now() - Math.max(this.heard, this.begun);
    if (this.abort && silent > SILENT_MS) {
      this.state(false);
      this.open();
    }
  }

  state(connected) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.onState(connected);
  }

  async read(run) {
    const abort = new AbortController();
    this.abort = abort;
    this.begun = performance.now();
    const names = this.topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join("&");
    try {
      const response = await fetch(`/api/live?${names}`, { signal: abort.signal, cache: "no-store" });
      if (!response.ok) {
        this.abort = null;
        this.state(false);
        this.onRefused(response.status);
      } else {
        await this.pump(response.body.getReader(), run);
      }
    } catch { /* gone, or given up on: both are tried again below */ }
    if (run !== this.run) return;
    this.abort = null;
    this.state(false);
    setTimeout(() => run === this.run && this.open(), AGAIN_MS);
  }

  async pump(reader, run) {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done || run !== this.run) return;
      this.heard = performance.now();
      text += decoder.decode(value, { stream: true });
      let end;
      while ((end = text.indexOf("\n\n")) >= 0) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        if (block.startsWith("data: ")) this.onEvent(JSON.parse(block.slice(6)));
      }
      this.state(true);
    }
  }
}
