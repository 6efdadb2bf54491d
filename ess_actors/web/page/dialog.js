// A question before something is done, and its outcome: one <dialog> of our own, closed by Escape.

import { h, setText } from "./dom.js";

// ask({title, text, fields: [{name, label, value, type, options, required}], action, act})
// act(values) does it and gives the text of its outcome; what it throws is shown, and the dialog stays.
export function ask({ title, text, fields = [], action, act }) {
  const inputs = fields.map((field) => {
    const input = field.options
      ? h("select", { name: field.name }, field.options.map(([value, label]) => h("option", { value }, label)))
      : h(field.rows ? "textarea" : "input", {
        name: field.name, type: field.rows ? null : field.type || "text", rows: field.rows || null,
        required: field.required, maxlength: field.rows ? null : 200,
      });
    if (field.value !== undefined) input.value = field.value;
    return [field, input];
  });
  const told = h("p", { class: "outcome", role: "status" });
  const go = h("button", { type: "submit", class: "primary" }, action);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = h("form", { method: "dialog", onsubmit: submit },
    h("h2", {}, title),
    text ? h("p", {}, text) : null,
    inputs.map(([field, input]) => h("label", {}, field.label, input)),
    told,
    h("div", { class: "buttons" }, cancel, go));
  const dialog = h("dialog", { onclose: () => dialog.remove() }, form);

  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    told.classList.remove("refusal");
    setText(told, "Asked; waiting for the answer\u2026");
    try {
      const outcome = await act(Object.fromEntries(inputs.map(([field, input]) => [field.name, input.value])));
      if (outcome === undefined || outcome === null) {
        dialog.close();
        return;
      }
      setText(told, outcome);
      go.hidden = true;
      setText(cancel, "Close");
      cancel.focus();
    } catch (problem) {
      told.classList.add("refusal");
      setText(told, problem.message);
      go.disabled = false;
    }
  }

  document.body.append(dialog);
  dialog.showModal();
  (inputs[0]?.[1] || go).focus();
}
