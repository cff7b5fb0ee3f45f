// Drives Chromium for one test, and tells what came of it as one line of JSON.
//
//     node SCENARIO.mjs '{"modules": FOLDER, "url": SITE, ...}'
//
// The line is {"result": ..., "complaints": [...]}. A complaint is whatever a page may not do: ask
// another host, print on the console, throw, open a dialog, or want a file that is not there.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { accessSync, constants } from "node:fs";

/** No single wait takes longer, in milliseconds; the machine may be busy with builds. */
const WAIT = 30_000;
const SCENARIO = 400_000;

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-dev-shm-usage",
  "--no-first-run",
  // Whatever a page tries, nothing but our server is asked.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/** Runs a scenario with a browser and the parameters that the test gives, and prints what it returns. */
export async function scenario(run) {
  const parameters = JSON.parse(process.argv[2]);
  const complaints = [];
  const browser = await launch(parameters.modules);
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${SCENARIO} ms`)), SCENARIO);
  });
  try {
    const result = await Promise.race([run(new Visitor(browser, parameters, complaints), parameters), late]);
    console.log(JSON.stringify({ result: result ?? null, complaints }));
  } catch (error) {
    console.error(error.stack ?? error);
    for (const complaint of complaints) console.error(complaint);
    process.exitCode = 1;
  } finally {
    clearTimeout(timer);
    await browser.close();
  }
}

export function launch(modules) {
  const { chromium } = createRequire(join(modules, "package.json"))("playwright-core");
  return chromium.launch({ executablePath: program("chromium"), args: FLAGS, timeout: WAIT });
}

/** Where a program on the PATH lies. */
function program(name) {
  const found = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name));
  const runs = (path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  const path = found.find(runs);
  if (!path) throw new Error(`${name} is not on the PATH`);
  return path;
}

/** Opens pages of one site, each in a context of its own, and listens to what they do. */
class Visitor {
  constructor(browser, parameters, complaints) {
    this.browser = browser;
    this.site = parameters.url;
    this.modules = parameters.modules;
    this.complaints = complaints;
    /** What was answered: path and number of bytes, once it is there. */
    this.answers = [];
  }

  /** A page of the site in a new context; `missing` is a path that is rightly not there. */
  async open(path, options = {}) {
    const { viewport = DESKTOP, dark = false, script = true, clipboard = false, missing } = options;
    const context = await this.browser.newContext({
      viewport,
      hasTouch: viewport.width < 600,
      isMobile: viewport.width < 600,
      colorScheme: dark ? "dark" : "light",
      javaScriptEnabled: script,
      // What moves would be measured halfway.
      reducedMotion: "reduce",
      permissions: clipboard ? ["clipboard-read", "clipboard-write"] : [],
    });
    context.setDefaultTimeout(WAIT);
    this.listen(context, missing);
    const page = await context.newPage();
    await page.goto(this.site + path, { waitUntil: "load" });
    return page;
  }

  listen(context, missing) {
    const complain = (text) => this.complaints.push(text);
    const isMissing = (url) => missing !== undefined && url === this.site + missing;
    context.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(this.site) && !url.startsWith("data:")) complain(`asked for ${url}`);
    });
    context.on("response", (response) => {
      const url = response.url();
      if (response.status() >= 400 && !isMissing(url)) complain(`${response.status()} for ${url}`);
      const path = decodeURIComponent(url.slice(this.site.length));
      this.answers.push(
        response.body().then(
          (body) => ({ path, bytes: body.length }),
          () => null,
        ),
      );
    });
    context.on("requestfailed", (request) => {
      complain(`failed: ${request.url()}: ${request.failure()?.errorText}`);
    });
    context.on("console", (message) => {
      if (!isMissing(message.location().url)) complain(`${message.type()}: ${message.text()}`);
    });
    context.on("weberror", (error) => complain(`thrown: ${error.error()}`));
    context.on("dialog", (dialog) => {
      complain(`dialog: ${dialog.message()}`);
      return dialog.dismiss();
    });
  }

  /** What has been answered so far, without what had no body. */
  async transferred() {
    return (await Promise.all(this.answers)).filter((answer) => answer !== null);
  }

  /** What axe-core finds wrong, each with the elements that it is about. */
  async violations(page) {
    // Not as an element: the policy of the page would stop it.
    this.axe ??= readFileSync(join(this.modules, "node_modules/axe-core/axe.min.js"), "utf8");
    await page.evaluate(this.axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  }
}

/** Lets what the last input has brought about be painted. */
export function painted(page) {
  return page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
}
