// What the tests of the finder share: the scripts of the theme, entries to judge, a seeded generator.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const theme = "../../../../themes/default";

export const fit = require(`${theme}/fit.js`);
export const gpus = require(`${theme}/gpus.js`);

export const fixture = (name) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");

/** An entry as in files.json; `changes` go over it, and `undefined` leaves a key out. */
export function raw(changes = {}) {
  const { version = "2.8.3+cu128", python = "cp312", abi = "cp312", platforms = ["linux_x86_64"] } = changes;
  const entry = {
    filename: `flash_attn-${version}-${python}-${abi}-${platforms.join(".")}.whl`,
    version,
    python,
    abi,
    platforms,
    kind: "wheel",
    depth: "full",
    url: "x.whl",
    size: 1000,
    ...changes,
  };
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));
}

/** CUDA facts as the index writes them. */
export function cuda(toolkit, architectures, compute_capabilities, changes = {}) {
  const driver = { 11: "450.80.02", 12: "525.60.13", 13: "580.65.06" }[toolkit?.split(".")[0]];
  return {
    architectures,
    toolkit,
    compute_capabilities,
    driver,
    needs: [],
    files: [{ path: "a.so", architectures }],
    ...changes,
  };
}

export const entryOf = (changes) => fit.parseEntry(raw(changes));
export const entriesOf = (...changes) => fit.parseEntries(changes.map(raw));

/** Every tag that a machine takes, best first. */
export function supportedTags(machine) {
  const { binary, any, platforms } = fit.tagsOf(machine);
  return [
    ...[...binary.keys()].flatMap((pair) => [...platforms.keys()].map((platform) => `${pair}-${platform}`)),
    ...[...any.keys()].map((pair) => `${pair}-any`),
  ];
}

/** The state of one aspect, and the words for it: "no: needs Python 3.10". */
export function verdict(entry, machine, aspect) {
  const parts = fit.judge(entry, machine).parts.filter((part) => part.aspect === aspect);
  return parts.map(({ state, needs }) => `${state}: ${needs}`).join(" / ") || "yes";
}

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
export function generator(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    below: (limit) => Math.floor(next() * limit),
    pick: (items) => items[Math.floor(next() * items.length)],
  };
}
