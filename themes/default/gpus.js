"use strict";

/** Which compute capability a GPU has, by the name that its driver gives it. */
(() => {
  /**
   * Compute capability, then names; `{a,b}` stands for several. What follows a name without
   * changing the chip (Ti, SUPER, Laptop GPU, memory sizes) is known to `isTail`.
   *
   * Left out on purpose: names that stand for several chips, such as `TITAN X`.
   * Source: NVIDIA, "CUDA GPU Compute Capability" and "Legacy CUDA GPUs".
   */
  const TABLE = [
    ["6.0", "P100", "Quadro GP100"],
    [
      "6.1",
      "GeForce GT {1010,1030}",
      "GeForce GTX {1050,1060,1070,1080}",
      "GeForce MX{150,230,250,330,350}",
      "TITAN Xp",
      "TITAN X (Pascal)",
      "P{4,6,40}",
      "Quadro P{400,500,520,600,620,1000,2000,2200,3000,3200,4000,4200,5000,5200,6000}",
    ],
    ["6.2", "Jetson TX2"],
    ["7.0", "V100", "V100S", "TITAN V", "Quadro GV100"],
    ["7.2", "Xavier", "Jetson {AGX,NX} Xavier", "Jetson Xavier NX"],
    [
      "7.5",
      "GeForce GTX {1630,1650,1660}",
      "GeForce RTX {2060,2070,2080}",
      "GeForce MX{450,550}",
      "TITAN RTX",
      "T4",
      "T4G",
      "T{400,500,550,600,1000,1200}",
      "Quadro T{400,500,600,1000,1200,2000}",
      "Quadro RTX {3000,4000,5000,6000,8000}",
    ],
    ["8.0", "A100", "A100D", "A100X", "A30", "A30X", "A800"],
    [
      "8.6",
      "GeForce RTX {2050,3050,3060,3070,3080,3090}",
      "GeForce MX570",
      "GeForce MX570 A",
      "A{2,10,10G,10M,16,40}",
      "RTX A{400,500,1000,2000,3000,4000,4500,5000,5500,6000}",
    ],
    ["8.7", "Orin", "Jetson Orin", "Jetson AGX Orin", "Jetson Orin {Nano,NX}"],
    [
      "8.9",
      "GeForce RTX {4050,4060,4070,4080,4090}",
      "L{2,4,20,40,40G,40S}",
      "RTX {500,1000,2000,2000E,3000,3500,4000,4000 SFF,4500,5000,5880,6000} Ada",
    ],
    ["9.0", "H100", "H20", "H200", "H800", "GH200"],
    ["10.0", "B100", "B200", "GB200"],
    ["10.3", "B300", "GB300"],
    ["11.0", "Thor", "Jetson Thor", "Jetson AGX Thor", "Jetson T{4000,5000}"],
    [
      "12.0",
      "GeForce RTX {5050,5060,5070,5080,5090}",
      "RTX PRO {500,1000,2000,3000,4000,4000 SFF,4500,5000,6000} Blackwell",
    ],
    ["12.1", "GB10"],
  ];

  const TAIL_WORDS = new Set(
    (
      "ti super d laptop gpu mobile max q with design generation pcie nvl " +
      "workstation server edition active lc ac embedded fhhl h"
    ).split(" "),
  );
  /** A size (`80gb`, `480` before `gb`), a socket, a kind of memory, a share of a virtual GPU, or a revision. */
  const TAIL_SHAPE = /^(?:\d+(?:gb?)?|gb|sxm\d?|hbm\d?e?|\de|\d+[abcq]|v\d)$/;
  const isTail = (word) => TAIL_WORDS.has(word) || TAIL_SHAPE.test(word);

  /** Lowercase words, without what makers put before and behind every name. */
  function plain(name) {
    return String(name)
      .toLowerCase()
      .replace(/\((?:r|tm|nvgpu)\)/g, " ")
      .replace(/[\s\-_]+/g, " ")
      .replace(/\b(rtx|gtx|gt)(?=a?\d)|(\d{4})(?=(?:ti|super)\b)/g, "$1$2 ")
      .trim()
      .replace(/^(?:nvidia )?(?:(?:tesla|grid) )?/, "");
  }

  function expand(pattern) {
    const [, before, choices, after] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(pattern) ?? [];
    return choices ? choices.split(",").map((choice) => before + choice + after) : [pattern];
  }

  const known = new Map();
  const names = [];
  for (const [capability, ...patterns] of TABLE) {
    for (const name of patterns.flatMap(expand)) {
      names.push(name);
      known.set(plain(name), capability);
    }
  }

  /** The longest known name that the text begins with, when only tails follow. */
  function lookUp(text) {
    const words = text.split(" ");
    for (let length = words.length; length > 0; length -= 1) {
      const capability = known.get(words.slice(0, length).join(" "));
      if (capability) return words.slice(length).every(isTail) ? capability : null;
    }
    return null;
  }

  /** What all known names that begin so have in common: `GeForce RTX 40` could be one of many. */
  function lookUpBeginning(text) {
    const found = new Set();
    for (const [name, capability] of known) {
      if (name.startsWith(text)) found.add(capability);
    }
    if (found.size) return found.size === 1 ? [...found][0] : null;
    // Cut inside of a tail: what stands before its last word must be enough.
    const whole = lookUp(text);
    if (whole) return whole;
    const words = text.split(" ");
    const last = words.pop();
    const isCutTail = last.length > 1 && [...TAIL_WORDS, "sxm", "hbm"].some((word) => word.startsWith(last));
    return isCutTail ? lookUp(words.join(" ")) : null;
  }

  /** `8.9` for `NVIDIA GeForce RTX 4090`; null for a name that is not known for sure. */
  function computeCapabilityOf(name) {
    const text = plain(String(name).slice(0, 200));
    if (!text) return null;
    if (/(?:\.\.\.|\u2026)$/.test(text)) return lookUpBeginning(text.replace(/[.\u2026]+$/, "").trim());
    // Who types a name leaves out what goes without saying.
    const series = ["geforce", "geforce rtx", "geforce gtx"];
    return lookUp(text) ?? series.map((one) => lookUp(`${one} ${text}`)).find(Boolean) ?? null;
  }

  const gpus = { computeCapabilityOf, names };
  if (typeof module === "object") module.exports = gpus;
  else window.wheelsite.gpus = gpus;
})();
