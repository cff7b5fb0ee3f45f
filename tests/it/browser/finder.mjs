// The finder as one who uses it sees it.

import { painted } from "./harness.mjs";

const COMMANDS = { pip: "finder-pip", uv: "finder-uv", toml: "finder-uv-toml", poetry: "finder-poetry" };

/** Waits until the finder of a page works. */
export async function ready(page) {
  await page.locator("#finder").waitFor({ state: "visible" });
  await painted(page);
}

export function control(page, name) {
  return page.locator(`#finder-form [name="${name}"]`);
}

/** Chooses from lists and fills in texts; each leaves its control, as people do. */
export async function choose(page, values) {
  for (const [name, value] of Object.entries(values)) {
    const element = control(page, name);
    if (await element.evaluate((node) => node.tagName === "SELECT")) {
      await element.selectOption(value);
    } else {
      await element.fill(value);
      await element.press("Tab");
    }
  }
}

/** What the form says, every control by its name. */
export function form(page) {
  return page.evaluate(() => Object.fromEntries(new FormData(document.getElementById("finder-form"))));
}

/** What the finder says, and how many files of the page are to be seen beside it. */
export function answer(page) {
  return page.evaluate((commands) => {
    const shown = (element) => element?.checkVisibility() === true;
    const text = (id) => {
      const element = document.getElementById(id);
      return shown(element) ? element.textContent.trim() : null;
    };
    // A row in a closed release is there all the same.
    const rows = [...document.querySelectorAll(".releases tbody tr[id]")];
    const projects = [...document.querySelectorAll("#projects > li")];
    const hides = (element) => element.hidden || getComputedStyle(element).display === "none";
    const link = document.getElementById("finder-file");
    return {
      state: document.getElementById("finder-answer").dataset.state,
      file: text("finder-file"),
      href: shown(link) ? link.getAttribute("href") : null,
      why: [...document.querySelectorAll("#finder-why li")].filter(shown).map((li) => li.innerText.trim()),
      needs: [...document.querySelectorAll("#finder-chips > *")].filter(shown).map((chip) => chip.innerText.trim()),
      count: text("finder-count"),
      paste: shown(document.getElementById("finder-paste-box")),
      commands: Object.fromEntries(Object.entries(commands).map(([name, id]) => [name, text(id)])),
      rows: rows.filter((row) => !hides(row)).map((row) => row.id),
      projects: projects.filter((li) => !hides(li)).map((li) => li.querySelector("a").textContent),
      query: Object.fromEntries(new URLSearchParams(location.search)),
    };
  }, COMMANDS);
}

/** Waits until the answer has these values, and gives the whole of it. */
export async function answers(page, expected) {
  const agrees = (found) =>
    Object.entries(expected).every(([key, value]) => JSON.stringify(found[key]) === JSON.stringify(value));
  const deadline = Date.now() + 15_000;
  let found;
  do {
    await painted(page);
    found = await answer(page);
    if (agrees(found)) return found;
  } while (Date.now() < deadline);
  throw new Error(`expected ${JSON.stringify(expected)}, found ${JSON.stringify(found, null, 2)}`);
}
