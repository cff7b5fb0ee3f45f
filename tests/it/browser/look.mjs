// Looks at pages in light and dark, and at each width; gives for each look the title, how wide the page
// is, what sticks out of it, and with `axe` what axe-core finds. All that can be opened is open.

import { answer, ready } from "./finder.mjs";
import { painted, scenario } from "./harness.mjs";

scenario(async (visitor, { pages, viewports, axe }) => {
  const looks = [];
  for (const { path, missing, finder } of pages) {
    for (const viewport of viewports) {
      for (const dark of [false, true]) {
        const page = await visitor.open(path, { viewport, dark, missing: missing ? path : undefined });
        if (finder) await ready(page);
        await page.evaluate(() => {
          for (const details of document.querySelectorAll("details")) details.open = true;
        });
        await painted(page);
        looks.push({
          look: `${path || "home"}, ${viewport.width} wide, ${dark ? "dark" : "light"}`,
          title: await page.title(),
          state: finder ? (await answer(page)).state : null,
          background: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
          ...(await page.evaluate(measure)),
          violations: axe ? await visitor.violations(page) : [],
        });
        await page.context().close();
      }
    }
  }
  return looks;
});

/** How wide the page is, and which elements make it wider than the window. */
function measure() {
  const width = document.documentElement.clientWidth;
  const scrolls = (element) => {
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
      if (getComputedStyle(at).overflowX !== "visible") return true;
    }
    return false;
  };
  const out = [...document.body.querySelectorAll("*")].filter((element) => {
    return element.checkVisibility() && element.getBoundingClientRect().right > width + 0.5 && !scrolls(element);
  });
  return {
    scrollWidth: document.scrollingElement.scrollWidth,
    innerWidth: Math.min(innerWidth, screen.width),
    sticksOut: out.slice(0, 5).map((element) => element.outerHTML.slice(0, 200)),
  };
}
