// Opens a page and goes through steps, each of which chooses values or follows a link of the list, and
// waits for an answer; gives the answers. With `again` it then asks for the address that has come about anew: by a reload, and
// in a new context.

import { answers, choose, form, ready } from "./finder.mjs";
import { scenario } from "./harness.mjs";

scenario(async (visitor, { path, steps, again }) => {
  const page = await visitor.open(path);
  await ready(page);
  const found = [];
  for (const step of steps) {
    if (step.clear) await page.locator("#finder-clear").click();
    await choose(page, step.choose ?? {});
    if (step.follow) {
      await page.locator("#projects a", { hasText: step.follow }).click();
      await page.waitForURL(`**/packages/${step.follow}/**`);
      await ready(page);
    }
    found.push({ ...(await answers(page, step.until)), form: await form(page) });
  }
  if (again) {
    const { until } = steps.at(-1);
    await page.reload();
    await ready(page);
    found.push({ ...(await answers(page, until)), form: await form(page) });
    const other = await visitor.open(page.url().slice(visitor.site.length));
    await ready(other);
    found.push({ ...(await answers(other, until)), form: await form(other) });
  }
  return found;
});
