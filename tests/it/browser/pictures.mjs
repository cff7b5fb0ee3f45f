// Takes pictures of every page type in light and dark, on a phone and on a desk, to be looked at.
//
//     node tests/it/browser/pictures.mjs URL FOLDER [PATH...]
//
// URL is where `wheelsite serve` says. Without paths the page types that the site has are taken. What
// drives Chromium is in `target/tmp/browser`, where the tests install it.

import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DESKTOP, PHONE, launch, painted } from "./harness.mjs";

const [url, folder, ...paths] = process.argv.slice(2);
if (!folder) throw new Error("usage: node pictures.mjs URL FOLDER [PATH...]");
const repository = join(dirname(fileURLToPath(import.meta.url)), "../../..");
mkdirSync(folder, { recursive: true });

const browser = await launch(join(repository, "target/tmp/browser"));
try {
  for (const path of paths.length ? paths : await pageTypes()) {
    for (const [size, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      for (const colorScheme of ["light", "dark"]) await take(path, size, viewport, colorScheme);
    }
  }
} finally {
  await browser.close();
}

/** One path of each type that the site has, found by the links of its home. */
async function pageTypes() {
  const page = await browser.newPage();
  await page.goto(url);
  const links = await page.locator("#main a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  const first = (pattern) => links.find((link) => pattern.test(link)) ?? [];
  const found = ["", first(/^packages\/[^/]+\/$/), first(/^cu\d+\/$/)];
  const more = ["packages/", "coverage/", "rejected/", "nothing-here/"];
  await page.close();
  return [...new Set([...found.flat(), ...more])];
}

async function take(path, size, viewport, colorScheme) {
  const isPhone = size === "phone";
  const context = await browser.newContext({
    viewport,
    colorScheme,
    isMobile: isPhone,
    hasTouch: isPhone,
    deviceScaleFactor: isPhone ? 2 : 1,
    // Pictures stop what moves with a style of their own, which the policy of the page forbids.
    bypassCSP: true,
  });
  const page = await context.newPage();
  await page.goto(new URL(path, url).href, { waitUntil: "networkidle" });
  const name = path.replace(/[^\w.=-]+/g, "-").replace(/^-|-$/g, "") || "home";
  const file = join(folder, `${name}.${size}.${colorScheme}.png`);
  // In a window that holds all of it; what lies outside of one may not have been painted.
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: viewport.width, height: Math.max(height, viewport.height) });
  await painted(page);
  await page.screenshot({ path: file });
  console.log(file);
  await context.close();
}
