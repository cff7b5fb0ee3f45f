"use strict";

(() => {
  const html = document.documentElement;
  // Controls that need scripting stay hidden until this class is set.
  html.classList.add("js");

  /** Static pages may not know where they are hosted, the browser does. */
  function fillIndexUrl() {
    const url = new URL(html.dataset.root + html.dataset.index, location.href).href;
    for (const code of document.querySelectorAll("[data-index-url]")) {
      // The word boundary keeps names such as PIP_INDEX_URL intact.
      code.textContent = code.textContent.replace(/\bINDEX_URL\b/g, () => url);
    }
  }

  async function copyText(text) {
    // The clipboard does not exist on plain http origins and may be denied elsewhere.
    if (await navigator.clipboard?.writeText(text).then(() => true, () => false)) return true;
    const area = document.createElement("textarea");
    area.className = "visually-hidden";
    area.value = text;
    area.readOnly = true;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus({ preventScroll: true });
    return done;
  }

  function addCopyButtons() {
    const sources = document.querySelectorAll("[data-copy]");
    if (!sources.length) return;
    const live = document.createElement("div");
    live.className = "visually-hidden";
    live.setAttribute("role", "status");
    document.body.append(live);

    for (const source of sources) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "Copy";
      button.title = "Copy";
      button.setAttribute("aria-label", `Copy ${source.dataset.copy}`);
      let timer;
      button.addEventListener("click", async () => {
        const done = await copyText(source.textContent.trim());
        button.textContent = done ? "Copied" : "Failed";
        button.classList.toggle("done", done);
        live.textContent = done ? `Copied ${source.dataset.copy}` : "Copying failed";
        clearTimeout(timer);
        timer = setTimeout(() => {
          button.textContent = "Copy";
          button.classList.remove("done");
          live.textContent = "";
        }, 1600);
      });
      (source.closest("pre") ?? source).after(button);
    }
  }

  /** Lowercase, and equate the separators that package names do not tell apart. */
  const fold = (text) => text.toLowerCase().replace(/[-_.]+/g, "-");

  function setUpFilter() {
    const input = document.getElementById("filter");
    if (!input) return;
    const count = document.getElementById("filter-count");
    const empty = document.getElementById("no-match");
    const rows = Array.from(document.querySelectorAll("#projects > li"), (li) => ({
      li,
      link: li.querySelector("a"),
      text: fold(li.firstElementChild.textContent),
    }));
    let shown = rows;
    const apply = () => {
      const terms = fold(input.value).split(/\s+/).filter(Boolean);
      shown = [];
      for (const row of rows) {
        const match = terms.every((term) => row.text.includes(term));
        // Writing only what changes keeps the pass cheap with thousands of rows.
        if (row.li.hidden === match) row.li.hidden = !match;
        if (match) shown.push(row);
      }
      count.textContent = terms.length ? `${shown.length} of ${rows.length} projects shown` : "";
      empty.hidden = shown.length > 0;
    };

    input.addEventListener("input", apply);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.preventDefault();
        if (!input.value) input.blur();
        input.value = "";
        apply();
      } else if (event.key === "Enter" && shown.length === 1) {
        shown[0].link.click();
      }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
      event.preventDefault();
      input.focus();
      input.select();
    });
    const query = new URLSearchParams(location.search).get("q");
    if (query) input.value = query;
    // Browsers may restore the text after a reload without an input event.
    addEventListener("pageshow", apply);
  }

  function setUpReleases() {
    const list = document.querySelector(".releases");
    if (!list) return;
    const total = list.children.length;
    const more = document.createElement("button");
    const showAll = () => {
      list.classList.remove("short");
      more.remove();
    };
    if (total > 12) {
      list.classList.add("short");
      more.type = "button";
      more.className = "more";
      more.textContent = `Show all ${total} releases`;
      more.addEventListener("click", () => {
        showAll();
        // The button is gone: go on where the list was cut.
        list.children[10].querySelector("summary").focus();
      });
      list.after(more);
    }
    /** A link to #release-1.2 must show the release that it names. */
    const openTarget = () => {
      const target = document.getElementById(location.hash.slice(1));
      if (target?.parentElement !== list) return;
      showAll();
      target.open = true;
      target.scrollIntoView({ behavior: "instant" });
    };
    addEventListener("hashchange", openTarget);
    openTarget();
  }

  document.addEventListener("DOMContentLoaded", () => {
    fillIndexUrl();
    addCopyButtons();
    setUpFilter();
    setUpReleases();
  });
})();
