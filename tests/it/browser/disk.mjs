// Opens pages from disk; gives what is to be seen of each.

import { scenario } from "./harness.mjs";

scenario(async (visitor, { paths }) => {
  const pages = [];
  for (const path of paths) {
    const page = await visitor.open(path);
    await page.waitForLoadState("networkidle");
    pages.push(
      await page.evaluate(() => ({
        title: document.title,
        text: document.body.innerText,
        form: document.getElementById("finder-form")?.checkVisibility() ?? false,
        styled: getComputedStyle(document.body).margin === "0px",
        scripted: document.documentElement.classList.contains("js"),
      })),
    );
  }
  return pages;
});
