// Asks the finder for each machine; gives the file that it names and the commands that it shows.

import { answers, ready } from "./finder.mjs";
import { scenario } from "./harness.mjs";

scenario(async (visitor, { machines }) => {
  const found = [];
  for (const { path, file } of machines) {
    const page = await visitor.open(path);
    await ready(page);
    found.push(await answers(page, { file }));
    await page.context().close();
  }
  return found;
});
