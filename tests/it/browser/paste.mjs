// Pastes texts into the finder from the clipboard, each on a page of its own; gives for each what the
// form and the address have become.

import { answers, form, ready } from "./finder.mjs";
import { scenario } from "./harness.mjs";

scenario(async (visitor, { path, pastes }) => {
  const found = [];
  for (const { text, until } of pastes) {
    const page = await visitor.open(path, { clipboard: true });
    await ready(page);
    await page.evaluate((text) => navigator.clipboard.writeText(text), text);
    await page.locator("#finder-paste-box > summary").click();
    await page.locator("#finder-paste").focus();
    await page.keyboard.press("Control+V");
    const told = await answers(page, until);
    const status = await page.locator("#finder-paste-status").innerText();
    found.push({ ...told, status, form: await form(page), title: await page.title() });
  }
  return found;
});
