// From the top of a page to a copied command without a mouse; gives what was copied, what the finder
// shows, and every stop on the way with whether the focus could be seen there.

import { answers, ready } from "./finder.mjs";
import { scenario } from "./harness.mjs";

const STOPS = 120;

scenario(async (visitor, { path, choices, until }) => {
  const page = await visitor.open(path, { clipboard: true });
  await ready(page);
  const stops = [];

  /** Goes on to an element that a function of the page knows, and notes each stop. */
  async function tabTo(isIt, argument) {
    for (let presses = 0; presses < STOPS; presses += 1) {
      await page.keyboard.press("Tab");
      stops.push(await page.evaluate(look));
      if (await page.evaluate(isIt, argument)) return;
    }
    throw new Error(`${STOPS} tabs do not lead to ${argument}: ${JSON.stringify(stops)}`);
  }

  /** How the element looks with the focus, and whether that shows. */
  function look() {
    const element = document.activeElement;
    const styles = () => {
      const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(element);
      return { outlineStyle, outlineWidth, outlineColor, boxShadow };
    };
    const focused = styles();
    const ring = focused.outlineStyle !== "none" && parseFloat(focused.outlineWidth) >= 1;
    const box = element.getBoundingClientRect();
    return {
      element: `${element.tagName.toLowerCase()} ${element.id || element.name || element.textContent.trim()}`,
      visible: ring || focused.boxShadow !== "none",
      inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
  }

  for (const [name, value] of choices) {
    await tabTo((name) => document.activeElement.matches(`#finder-form [name="${name}"]`), name);
    if (await page.evaluate(() => document.activeElement.tagName === "SELECT")) {
      for (let presses = 0; presses < STOPS; presses += 1) {
        if (await page.evaluate((value) => document.activeElement.value === value, value)) break;
        await page.keyboard.press("ArrowDown");
      }
    } else {
      await page.keyboard.type(value);
    }
  }
  await tabTo(() => {
    // The button stands right behind the block that it copies.
    const { activeElement } = document;
    return (
      activeElement.matches("button") && activeElement.previousElementSibling?.querySelector("#finder-pip") != null
    );
  }, "the button that copies #finder-pip");
  const told = await answers(page, until);
  await page.keyboard.press("Enter");
  await page.getByText("Copied", { exact: false }).first().waitFor();
  return { ...told, copied: await page.evaluate(() => navigator.clipboard.readText()), stops };
});
