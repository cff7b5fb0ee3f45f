// Reads pages with JavaScript off: the rows of every table, and the commands that are shown.

import { scenario } from "./harness.mjs";

scenario(async (visitor, { paths }) => {
  const pages = {};
  for (const path of paths) {
    const page = await visitor.open(path, { script: false });
    pages[path] = await page.evaluate(() => {
      const shown = (element) => element?.checkVisibility() === true;
      const cells = (row) => [...row.cells].map((cell) => cell.innerText.trim());
      // The text of what is closed counts too: whoever opens it needs no script for that.
      for (const details of document.querySelectorAll("details")) details.open = true;
      return {
        tables: [...document.querySelectorAll("table")].map((table) => [...table.rows].map(cells)),
        commands: [...document.querySelectorAll("pre")].filter(shown).map((pre) => pre.innerText.trim()),
        links: [...document.querySelectorAll("#main a")].filter(shown).map((a) => a.getAttribute("href")),
        finder: shown(document.getElementById("finder")),
        search: shown(document.getElementById("filter")),
        buttons: [...document.querySelectorAll("button")].filter(shown).map((button) => button.outerHTML),
        text: document.getElementById("main").innerText,
      };
    });
  }
  return pages;
});
