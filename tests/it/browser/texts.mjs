// Opens a page with a finder; gives every text that it offers to copy.

import { answers, ready } from "./finder.mjs";
import { scenario } from "./harness.mjs";

scenario(async (visitor, { path, until }) => {
  const page = await visitor.open(path);
  await ready(page);
  await answers(page, until);
  return page.evaluate(() => [...document.querySelectorAll("[data-copy]")].map((source) => source.textContent));
});
