// How numbers, times and ages are written.

export const MISSING = "\u2013";

// A number with fixed digits, so that columns stand still; anything else as it is.
export function number(value, digits) {
  if (value === null || value === undefined || value === "") return MISSING;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  const shown = value.toFixed(digits ?? (Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 3 : 1));
  return Number(shown) === 0 ? shown.replace("-", "") : shown.replace("-", "\u2212");
}

// Seconds as one or two words.
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return MISSING;
  const whole = Math.max(0, seconds);
  if (whole < 10) return `${whole.toFixed(1)} s`;
  if (whole < 90) return `${Math.round(whole)} s`;
  if (whole < 5400) return `${Math.floor(whole / 60)} min`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

const two = (number) => String(number).padStart(2, "0");

export function timeOfDay(unix) {
  if (!unix) return MISSING;
  const at = new Date(unix * 1000);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function dateAndTime(unix) {
  if (!unix) return MISSING;
  const at = new Date(unix * 1000);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${timeOfDay(unix)}`;
}

// The date only where it is not today's.
export function moment(unix, now) {
  if (!unix) return MISSING;
  return new Date(unix * 1000).toDateString() === new Date(now * 1000).toDateString()
    ? timeOfDay(unix) : dateAndTime(unix);
}

export const megabytes = (bytes) => (bytes ? (bytes / 1048576).toFixed(0) : MISSING);

export const compact = (value) => (typeof value === "string" ? value : JSON.stringify(value));

// over_temp -> Over temp
export function titled(name) {
  const words = String(name).replace(/[_/]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
