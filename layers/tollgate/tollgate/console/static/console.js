// What the keyboard and the theme button add to pages that work without any script.
"use strict";
(() => {
  const root = document.documentElement;
  const one = (selector, from = document) => from.querySelector(selector);

  // Theme: kept in a cookie that the server reads, so that the next page is painted right from the start.
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const button = one("[data-theme-toggle]");
  const named = () => {
    const { light, lightName, dark, darkName } = button.dataset;
    button.textContent = isDark() ? light : dark;
    button.setAttribute("aria-label", isDark() ? lightName : darkName);
  };
  if (button) {
    button.hidden = false;
    named();
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      document.cookie = "theme=" + root.dataset.theme + "; path=/; max-age=31536000; samesite=lax";
      named();
    });
  }

  // Requests of htmx carry the page's token, as its forms do.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = one('meta[name="csrf-token"]');
    if (token && token.content) event.detail.headers["X-CSRF-Token"] = token.content;
  });

  // Dialogs: their links open them in place; without a script they load the page with the dialog open.
  const openServerSide = () => document.querySelectorAll("dialog[open]").forEach((dialog) => { dialog.close(); dialog.showModal(); });
  openServerSide();
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    const dialog = opener && document.getElementById(opener.dataset.dialog);
    if (dialog) { event.preventDefault(); dialog.showModal(); }
    const closer = event.target.closest("[data-close]");
    if (closer && closer.closest("dialog")) { event.preventDefault(); closer.closest("dialog").close(); }
  });

  // A page that is made to be printed has a button for it.
  document.querySelectorAll("[data-print]").forEach((print) => { print.hidden = false; print.addEventListener("click", () => window.print()); });

  // "Select all" boxes rule the boxes of their table.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-select-all]")) return;
    event.target.closest("table").querySelectorAll("tbody input[type=checkbox]:not(:disabled)").forEach((box) => { box.checked = event.target.checked; });
  });

  // Rows: j and k move, Enter opens, x selects; / goes to the filter, ? shows the keys.
  const rows = () => [...document.querySelectorAll("tr[data-href]")];
  const current = () => one("tr.current");
  const go = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
    all.forEach((row) => row.classList.toggle("current", row === next));
    const link = one("a", next);
    if (link) link.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    const row = current();
    const acts = {
      j: () => go(1),
      k: () => go(-1),
      Enter: () => { if (!row || event.target.closest("a, button")) return false; location.assign(row.dataset.href); },
      x: () => { const box = row && one("input[type=checkbox]", row); if (box && !box.disabled) box.click(); },
      "/": () => { const filter = one("#filter"); if (filter) filter.focus(); },
      "?": () => { const keys = one("#keys"); if (keys) keys.showModal(); },
    };
    const act = acts[event.key];
    if (act && act() !== false) event.preventDefault();
  });
})();
