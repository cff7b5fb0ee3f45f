// The home of a large index: what it costs to open, to search and to narrow.

import { answer, choose, ready } from "./finder.mjs";
import { scenario } from "./harness.mjs";

scenario(async (visitor, { search, environment }) => {
  const page = await visitor.open("");
  await ready(page);
  await page.waitForLoadState("networkidle");
  const opened = await visitor.transferred();
  const first = await answer(page);

  await page.locator("#filter").fill(search);
  const hit = page.locator("#projects > li:visible a", { hasText: search }).first();
  await hit.waitFor();
  const found = await answer(page);
  const href = await hit.getAttribute("href");
  await page.locator("#filter").fill("");

  await choose(page, environment);
  await page.waitForFunction(
    (before) => document.getElementById("finder-count").textContent.trim() !== before,
    first.count,
  );
  const narrowed = await answer(page);
  return { opened, all: await visitor.transferred(), first, found, href, narrowed };
});
