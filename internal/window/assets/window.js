// The network that an address and a mask make, as they are typed. The server says it: its rules
// have one home. Without this script the network is shown once the gateway is saved.
"use strict";
for (const output of document.querySelectorAll("output[data-preview]")) {
  const form = output.form;
  let timer, asked = 0;
  const ask = async () => {
    const turn = ++asked;
    const query = new URLSearchParams();
    for (const name of output.dataset.fields.split(" ")) query.set(name, form.elements[name].value);
    try {
      const answer = await fetch(output.dataset.preview + "?" + query, { credentials: "same-origin", redirect: "error" });
      if (turn === asked && answer.ok) output.textContent = await answer.text();
    } catch {
      if (turn === asked) output.textContent = "";
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  });
}
