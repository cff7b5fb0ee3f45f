// Copies each command that the finder shows with its button; gives what the clipboard then held.

import { answers, ready } from "./finder.mjs";
import { scenario } from "./harness.mjs";

scenario(async (visitor, { path, until }) => {
  const page = await visitor.open(path, { clipboard: true });
  await ready(page);
  const told = await answers(page, until);
  const copied = {};
  for (const [name, id] of Object.entries({
    pip: "finder-pip",
    uv: "finder-uv",
    toml: "finder-uv-toml",
    poetry: "finder-poetry",
  })) {
    const button = page.locator(`pre:has(#${id}) + button`);
    await button.click();
    await page.waitForFunction((button) => button.textContent === "Copied", await button.elementHandle());
    copied[name] = await page.evaluate(() => navigator.clipboard.readText());
  }
  return { ...told, copied };
});
