// Requests to this server: JSON in and out, every refusal an ApiError whose message says what to do.

export class ApiError extends Error {
  constructor(code, error, text, body) {
    super(text || error || `the server answered ${code}`);
    this.code = code;
    this.error = error;
    this.body = body;
  }
}

const session = { csrf: "", onLoginNeeded: () => {} };

export function setSession(csrf, onLoginNeeded) {
  session.csrf = csrf || "";
  if (onLoginNeeded) session.onLoginNeeded = onLoginNeeded;
}

async function request(method, path, body) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (session.csrf && method !== "GET") headers["x-csrf"] = session.csrf;
  let response;
  try {
    response = await fetch(path, {
      method, headers, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, "no_connection", "no connection to the site; nothing is known about the order");
  }
  let said = {};
  try {
    said = await response.json();
  } catch { /* an answer without a body */ }
  if (response.status === 401 && path !== "/api/login") session.onLoginNeeded();
  if (!response.ok) throw new ApiError(response.status, said.error, said.text, said);
  return said;
}

export const get = (path) => request("GET", path);
export const post = (path, body) => request("POST", path, body ?? {});
export const query = (path, named) => {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(named)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") pairs.append(name, one);
    }
  }
  return `${path}?${pairs}`;
};
