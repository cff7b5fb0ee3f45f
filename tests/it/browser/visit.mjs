// Opens pages, waits for the finder where there is one, and lets whatever they hold do its worst; gives
// what each has become.

import { ready } from "./finder.mjs";
import { painted, scenario } from "./harness.mjs";

scenario(async (visitor, { pages }) => {
  const visits = [];
  for (const { path, finder, missing } of pages) {
    const page = await visitor.open(path, { missing: missing ? path : undefined });
    if (finder) await ready(page);
    await page.waitForLoadState("networkidle");
    await painted(page);
    visits.push(
      await page.evaluate(() => ({
        title: document.title,
        text: document.body.innerText,
        scripts: [...document.scripts].map((script) => script.getAttribute("src")),
        images: [...document.images].map((image) => image.getAttribute("src")),
        links: [...document.links].map((link) => link.getAttribute("href")),
        handlers: [...document.querySelectorAll("*")].filter((element) => {
          return [...element.attributes].some(({ name }) => name.startsWith("on"));
        }).length,
      })),
    );
    await page.context().close();
  }
  return visits;
});
