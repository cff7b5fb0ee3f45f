// Opens a page; gives what its buttons that copy are called.

import { scenario } from "./harness.mjs";

scenario(async (visitor, { path }) => {
  const page = await visitor.open(path);
  await page.locator(".hash + .copy").first().waitFor({ state: "attached" });
  return page.evaluate(() =>
    [...document.querySelectorAll("button.copy")].map((button) => button.getAttribute("aria-label")));
});
