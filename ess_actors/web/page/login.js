// The form that asks who is there.

import { post } from "./api.js";
import { h, setText } from "./dom.js";

export function loginForm(onEnter) {
  const user = h("input", { id: "login-user", name: "user", autocomplete: "username", required: true });
  const password = h("input", {
    id: "login-password", name: "password", type: "password", autocomplete: "current-password", required: true,
  });
  const told = h("p", { class: "refusal", role: "alert", id: "login-told" });
  const button = h("button", { type: "submit" }, "Log in");

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    setText(told, "");
    try {
      onEnter({ ...await post("/api/login", { user: user.value, password: password.value }), via: "session" });
    } catch (problem) {
      setText(told, problem.message);
      password.value = "";
      password.focus();
    } finally {
      button.disabled = false;
    }
  }

  return h("form", { class: "login panel", id: "login", onsubmit: submit },
    h("h1", {}, "Log in"),
    h("label", {}, "Name", user),
    h("label", {}, "Password", password),
    button, told);
}
