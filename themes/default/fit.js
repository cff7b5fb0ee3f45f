"use strict";

/**
 * Which wheel fits a machine: what wheels need, and what installers take. No page is touched here.
 *
 * Entries are those of `files.json`; profiles of `search.json` are entries without a filename.
 * All of it is foreign: whatever does not look as expected counts as not told.
 */
(() => {
  const isNode = typeof module === "object";
  const gpus = isNode ? require("./gpus.js") : window.wheelsite.gpus;

  // ---- Versions and specifiers: PEP 440 ----

  const VERSION = new RegExp(
    "^v?(?:(\\d+)!)?(\\d+(?:\\.\\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\\d*))?" +
      "(?:-(\\d+)|[-_.]?(post|rev|r)[-_.]?(\\d*))?(?:[-_.]?(dev)[-_.]?(\\d*))?" +
      "(?:\\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$",
  );
  const PRE_RANK = { a: 0, alpha: 0, b: 1, beta: 1, c: 2, rc: 2, pre: 2, preview: 2 };

  function parseVersion(text) {
    const match = typeof text === "string" && text.length <= 200 && VERSION.exec(text.trim().toLowerCase());
    if (!match) return null;
    const [, epoch, release, pre, preNumber, dashPost, post, postNumber, dev, devNumber, local] = match;
    const isPost = dashPost !== undefined || post !== undefined;
    return {
      epoch: Number(epoch ?? 0),
      release: release.split(".").map(Number),
      pre: pre ? [PRE_RANK[pre], Number(preNumber)] : null,
      post: isPost ? Number(dashPost ?? postNumber) : null,
      dev: dev ? Number(devNumber) : null,
      local: local ? local.split(/[-_.]/).map((part) => (/^\d+$/.test(part) ? Number(part) : part)) : [],
    };
  }

  /** Of numbers and texts, as local versions are ordered: numbers after texts, longer after shorter. */
  function compareLists(one, other) {
    for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
      const [left, right] = [one[at], other[at]];
      if (left === right) continue;
      if (left === undefined) return -1;
      if (right === undefined) return 1;
      if (typeof left !== typeof right) return typeof left === "number" ? 1 : -1;
      return left < right ? -1 : 1;
    }
    return 0;
  }

  /** Epoch and release; trailing zeros do not count. */
  function releaseKey({ epoch, release }) {
    const numbers = [epoch, ...release];
    while (numbers.length > 1 && numbers.at(-1) === 0) numbers.pop();
    return numbers;
  }

  /** `.dev` comes before `a`, `b` and `rc`, which come before the final release, and `.post` last. */
  function stageKey({ pre, post, dev }) {
    const none = post === null && dev !== null ? -1 : 3;
    return [...(pre ?? [none, 0]), post ?? -1, dev ?? Infinity];
  }

  const compareReleases = (one, other) => compareLists(releaseKey(one), releaseKey(other));
  const comparePublic = (one, other) => compareReleases(one, other) || compareLists(stageKey(one), stageKey(other));
  const compareVersions = (one, other) => comparePublic(one, other) || compareLists(one.local, other.local);
  const isPrerelease = ({ pre, dev }) => pre !== null || dev !== null;
  /** The same for versions that are equal, local parts aside. */
  const publicKey = (version) => `${releaseKey(version)} ${stageKey(version)}`;

  function beginsWith(version, epoch, numbers) {
    return version.epoch === epoch && numbers.every((number, at) => number === (version.release[at] ?? 0));
  }

  const OPERATORS = {
    "==": (order) => order === 0,
    "===": (order) => order === 0,
    "!=": (order) => order !== 0,
    "<=": (order) => order <= 0,
    ">=": (order) => order >= 0,
    // Neither takes in what is of the release that it names: `<3` no `3a1`, `>3` no `3.post1`.
    "<": (order, version, bound) =>
      order < 0 && !(isPrerelease(version) && !isPrerelease(bound) && compareReleases(version, bound) === 0),
    ">": (order, version, bound) =>
      order > 0 && !(version.post !== null && bound.post === null && compareReleases(version, bound) === 0),
    "~=": (order, version, bound) => order >= 0 && beginsWith(version, bound.epoch, bound.release.slice(0, -1)),
  };

  function parseClause(text) {
    const [, operator, written] = /^(===|==|!=|~=|<=|>=|<|>)\s*(\S+)$/.exec(text) ?? [];
    if (!operator) return null;
    const isPrefix = written.endsWith(".*") && (operator === "==" || operator === "!=");
    const bound = parseVersion(isPrefix ? written.slice(0, -2) : written);
    if (!bound || (operator === "~=" && bound.release.length < 2)) return null;
    return { operator, isPrefix, bound };
  }

  /** The clauses of a specifier; null for what is none. */
  function parseSpecifier(text) {
    if (typeof text !== "string" || text.length > 500) return null;
    const clauses = text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean)
      .map(parseClause);
    return clauses.includes(null) ? null : clauses;
  }

  function isMet({ operator, isPrefix, bound }, version) {
    if (isPrefix) return beginsWith(version, bound.epoch, bound.release) === (operator === "==");
    // Local versions count only where the clause names one.
    const order = bound.local.length ? compareVersions(version, bound) : comparePublic(version, bound);
    return OPERATORS[operator](order, version, bound);
  }

  const satisfies = (clauses, version) => clauses.every((clause) => isMet(clause, version));

  /** Whether all releases `X.Y.n` meet the clauses ("yes"), none ("no"), or that depends on `n`. */
  function decide(clauses, minorVersion) {
    const version = parseVersion(minorVersion);
    if (!version) return "unknown";
    const patches = new Set([0, 999]);
    for (const { bound } of clauses) {
      const third = bound.release[2];
      if (third !== undefined) [third - 1, third, third + 1].forEach((patch) => patch >= 0 && patches.add(patch));
    }
    const [major, minor = 0] = version.release;
    const met = [...patches].map((patch) => satisfies(clauses, { ...version, release: [major, minor, patch] }));
    if (met.every(Boolean)) return "yes";
    return met.some(Boolean) ? "unknown" : "no";
  }

  /** `[12, 8]` for `12.8`; null for what is no version of numbers. */
  function numbersOf(text) {
    return typeof text === "string" && /^\d{1,5}(\.\d{1,5}){0,3}$/.test(text) ? text.split(".").map(Number) : null;
  }

  const isAtLeast = (one, other) => compareLists(one, other) >= 0;

  // ---- Tags, in the order of installers (packaging.tags, as pip carries it) ----

  const countDown = (from, to) => Array.from({ length: Math.max(0, from - to + 1) }, (_, step) => from - step);

  function parsePython(text) {
    const match = typeof text === "string" && /^(3)\.(\d{1,2})(t?)$/.exec(text);
    return match ? { major: 3, minor: Number(match[2]), isFree: match[3] === "t" } : null;
  }

  /** Pairs of Python and ABI tag that a CPython takes: with a platform, and with `any`. */
  function pythonTags({ major, minor, isFree }) {
    const own = `cp${major}${minor}`;
    const stable = isFree ? "abi3t" : "abi3";
    const flags = isFree ? "t" : minor < 8 ? "m" : "";
    const pure = [
      `py${major}${minor}`,
      `py${major}`,
      ...countDown(minor - 1, 0).map((older) => `py${major}${older}`),
    ].map((python) => `${python}-none`);
    const older = countDown(minor - 1, 2).map((version) => `cp${major}${version}-${stable}`);
    return {
      binary: [`${own}-${own}${flags}`, `${own}-${stable}`, `${own}-none`, ...older, ...pure],
      any: [`${own}-none`, ...pure],
    };
  }

  /** Stands for the newest there will be where the machine's is not told. */
  const NEWEST = { glibc: 99, musl: 9, macos: 60 };
  const MANYLINUX_NAMES = { 5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014" };

  function linuxTags(arch, glibcMinor) {
    const oldest = arch === "x86_64" || arch === "i686" ? 5 : 17;
    const manylinux = countDown(glibcMinor, oldest).flatMap((minor) => {
      const name = MANYLINUX_NAMES[minor];
      return [`manylinux_2_${minor}_${arch}`, ...(name ? [`${name}_${arch}`] : [])];
    });
    return [`linux_${arch}`, ...manylinux];
  }

  function macosTags(arch, newest) {
    const formats =
      arch === "arm64" ? ["arm64", "universal2"] : ["x86_64", "intel", "fat64", "fat3", "universal2", "universal"];
    const tags = (major, minor, kinds) => kinds.map((kind) => `macosx_${major}_${minor}_${kind}`);
    return [
      ...countDown(newest, 11).flatMap((major) => tags(major, 0, formats)),
      // Before macOS 11 there was no arm64, but universal2 files may still say so.
      ...countDown(16, 4).flatMap((minor) => tags(10, minor, arch === "arm64" ? ["universal2"] : formats)),
    ];
  }

  function platformTags(platform, glibc) {
    const [, family, arch] = /^(linux|musllinux|macosx)_(\w+)$/.exec(platform) ?? [];
    if (family === "linux") return linuxTags(arch, glibc ? glibc[1] : NEWEST.glibc);
    if (family === "musllinux") {
      return [`linux_${arch}`, ...countDown(NEWEST.musl, 0).map((minor) => `musllinux_1_${minor}_${arch}`)];
    }
    if (family === "macosx") return macosTags(arch, NEWEST.macos);
    return [platform];
  }

  const positions = (list) => new Map(list.map((value, at) => [value, at]));
  const tagCache = new Map();

  /** Where the tags of a machine stand; null for what it does not tell. */
  function tagsOf({ python, platform, glibc }) {
    const key = `${python} ${platform} ${glibc}`;
    let tags = tagCache.get(key);
    if (!tags) {
      const parsed = parsePython(python);
      const pairs = parsed && pythonTags(parsed);
      tags = {
        binary: pairs && positions(pairs.binary),
        any: pairs && positions(pairs.any),
        platforms: platform ? positions(platformTags(platform, glibcOf(glibc))) : null,
        // What `requires_python` comes to: most files of a project say the same.
        required: new Map(),
      };
      if (tagCache.size > 100) tagCache.clear();
      tagCache.set(key, tags);
    }
    return tags;
  }

  function glibcOf(text) {
    const numbers = numbersOf(text);
    return numbers && numbers[0] === 2 && numbers.length >= 2 ? numbers.slice(0, 2) : null;
  }

  /** Newer Pythons first, where the machine does not tell. */
  const openRank = (pair) => 200 - Math.min(199, Number(/^(?:cp|py)3(\d{1,3})/.exec(pair)?.[1] ?? 0));
  const openPlatformRank = (platform) => {
    const at = PLATFORMS.findIndex(([value]) => familiesOf(platform).includes(value));
    return at < 0 ? PLATFORMS.length : at;
  };

  /**
   * The place of an entry's best tag; -1 when no tag of it is taken. Smaller is better.
   *
   * Since 26.3 pip takes `linux_x86_64` before any manylinux; pip before that, and uv, after all of them.
   */
  function tagRank(entry, machine, isLinuxLast = false) {
    const tags = tagsOf(machine);
    let best = -1;
    for (const pair of entry.pairs) {
      for (const platform of entry.platforms) {
        const isAny = platform === "any";
        const pairs = isAny ? tags.any : tags.binary;
        const first = pairs ? pairs.get(pair) : openRank(pair);
        const second = isAny ? 0 : tags.platforms ? tags.platforms.get(platform) : openPlatformRank(platform);
        if (first === undefined || second === undefined) continue;
        const last = isLinuxLast && platform.startsWith("linux_") ? 5e3 : 0;
        const rank = (isAny ? 1e7 : 0) + first * 1e4 + second + last;
        if (best < 0 || rank < best) best = rank;
      }
    }
    return best;
  }

  // ---- Entries ----

  const text = (value) => (typeof value === "string" && value ? value : null);
  const texts = (value) => (Array.isArray(value) ? value.filter((item) => typeof item === "string") : []);
  const object = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : null);

  /** What is used of an entry or a profile, in one shape; null for what is neither. */
  function parseEntry(raw) {
    if (!object(raw)) return null;
    const version = parseVersion(raw.version);
    const pythons = (text(raw.python) ?? "").split(".").slice(0, 40).filter(Boolean);
    const abis = (text(raw.abi) ?? "").split(".").slice(0, 40).filter(Boolean);
    const local = /\+(.*)$/.exec(text(raw.version) ?? "")?.[1] ?? "";
    const torchUse = object(raw.torch_use);
    const abi = /cxx11abi(true|false)/i.exec(local)?.[1];
    const release = version ? publicKey(version) : `?${text(raw.version)}`;
    return {
      filename: text(raw.filename) ?? "",
      versionText: text(raw.version) ?? "",
      version,
      release,
      exact: `${release}+${version?.local ?? ""}`,
      prerelease: raw.prerelease === true || Boolean(version && isPrerelease(version)),
      url: text(raw.url),
      size: Number.isFinite(raw.size) && raw.size >= 0 ? raw.size : null,
      yanked: raw.yanked === true || text(raw.yanked) !== null,
      yankReason: text(raw.yanked),
      requiresPython: text(raw.requires_python),
      channel: text(raw.channel),
      inDefault: raw.in_default !== false,
      isWheel: raw.kind !== "sdist",
      pairs: pythons.flatMap((python) => abis.map((abiTag) => `${python}-${abiTag}`)),
      platforms: texts(raw.platforms).slice(0, 40),
      build: buildTag(text(raw.filename) ?? ""),
      isRead: raw.depth === "full",
      isOpened: raw.depth === "full" || raw.depth === "metadata",
      glibc: glibcOf(raw.glibc),
      cuda: parseCuda(object(raw.cuda)),
      torch: text(raw.torch) ?? text(torchUse?.version),
      torchRequires: text(torchUse?.requires),
      usesTorch: torchUse !== null,
      cxx11Abi:
        typeof torchUse?.cxx11_abi === "boolean" ? torchUse.cxx11_abi : abi ? abi.toLowerCase() === "true" : null,
    };
  }

  function parseCuda(raw) {
    if (!raw) return null;
    const files = (Array.isArray(raw.files) ? raw.files : []).map((file) => texts(object(file)?.architectures));
    return {
      toolkit: numbersOf(raw.toolkit)?.slice(0, 2) ?? null,
      driver: numbersOf(raw.driver) && raw.driver,
      architectures: texts(raw.architectures),
      capabilities: texts(raw.compute_capabilities),
      codeOfFiles: files.filter((code) => code.length),
    };
  }

  /** The number and the rest of a wheel's build tag; without one it comes first. */
  function buildTag(filename) {
    const [, , build] = filename.replace(/\.whl$/, "").split("-").length === 6 ? filename.split("-") : [];
    const [, number, rest] = /^(\d+)(.*)$/.exec(build ?? "") ?? [];
    return number ? [Number(number), rest] : [];
  }

  const parseEntries = (files) =>
    (Array.isArray(files) ? files : []).map(parseEntry).filter((entry) => entry && entry.filename && entry.versionText);

  // ---- CUDA and GPUs ----

  /** CUDA release, the oldest Linux driver of it, the oldest Windows driver. Source: CUDA Toolkit Release Notes. */
  const DRIVERS = [
    "13.4 616.00 616.00",
    "13.3 610.43.02 610.43",
    "13.2 595.45.04 595.45",
    "13.1 590.44.01 591.00",
    "13.0 580.65.06 580.65",
    "12.9 575.51.03 576.02",
    "12.8 570.26 570.65",
    "12.6 560.28.03 560.76",
    "12.5 555.42.02 555.85",
    "12.4 550.54.14 551.61",
    "12.3 545.23.06 545.84",
    "12.2 535.54.03 536.25",
    "12.1 530.30.02 531.14",
    "12.0 525.60.13 527.41",
    "11.8 520.61.05 520.06",
    "11.7 515.43.04 516.01",
    "11.6 510.39.01 511.23",
    "11.5 495.29.05 496.04",
    "11.4 470.42.01 471.11",
    "11.3 465.19.01 465.89",
    "11.2 460.27.03 460.82",
    "11.1 455.23 456.38",
    "11.0 450.51.05 451.48",
    "10.2 440.33 441.22",
    "10.1 418.39 418.96",
    "10.0 410.48 411.31",
    "9.2 396.26 397.44",
    "9.1 390.46 391.29",
    "9.0 384.81 385.54",
  ].map((release) => release.split(" "));
  /** From CUDA 11 on the oldest Linux driver depends on the major number alone. */
  const OLDEST_DRIVERS = { 13: "580.65.06", 12: "525.60.13", 11: "450.80.02" };

  const isWindows = (platform) => Boolean(platform?.startsWith("win"));

  /** The CUDA version that a driver brings, as numbers; null for one that is too old to know. */
  function cudaOfDriver(driver, platform) {
    const numbers = numbersOf(driver);
    const row =
      numbers && DRIVERS.find((release) => isAtLeast(numbers, numbersOf(release[isWindows(platform) ? 2 : 1])));
    return row ? numbersOf(row[0]) : null;
  }

  function oldestDriver([major, minor = 0]) {
    return OLDEST_DRIVERS[major] ?? DRIVERS.find(([release]) => release === `${major}.${minor}`)?.[1] ?? null;
  }

  /** `[12, 8]` for `cu128`, `[12]` for `cu12`. */
  function cudaOfChannel(channel) {
    const [, digits] = /^cu(\d{2,3})$/.exec(channel ?? "") ?? [];
    if (!digits) return null;
    // There was a CUDA 9.2, and there will be no CUDA 92.
    if (digits.length === 2 && Number(digits) < 20) return [Number(digits)];
    return [Number(digits.slice(0, -1)), Number(digits.at(-1))];
  }

  const cudaOf = (entry) => entry.cuda?.toolkit ?? cudaOfChannel(entry.channel);
  const isOfCuda = (entry) => Boolean(entry.cuda || cudaOfChannel(entry.channel));
  /** Whether its binaries may need what nobody has looked for. */
  const isUnread = (entry) => entry.isWheel && !entry.isRead && !entry.platforms.includes("any");

  /** What the driver of a machine brings, as far as it is told. */
  function driverCuda(machine) {
    const told = [numbersOf(machine.cuda), cudaOfDriver(machine.driver, machine.platform)].filter(Boolean);
    return told.sort(compareLists).at(-1) ?? null;
  }

  /** GPUs whose machine code runs on no other, nor theirs on it: Tegra and its kin. */
  const APART = new Set([32, 53, 62, 72, 87, 88, 101, 110]);

  /** Whether a GPU runs code such as `sm_90a` or `compute_80`, as the index itself judges it. */
  function runsOn(architecture, capability) {
    const [, kind, digits, suffix] = /^(sm|compute)_(\d{2,3})([af]?)$/.exec(architecture) ?? [];
    const gpu = numbersOf(capability);
    if (!kind || gpu?.length !== 2) return false;
    const own = Number(digits);
    const number = gpu[0] * 10 + gpu[1];
    if (suffix === "a" || number === own) return number === own;
    if (kind === "compute" && !suffix) return number > own;
    return number > own && Math.floor(own / 10) === gpu[0] && !APART.has(own) && !APART.has(number);
  }

  /** Those that the index judges; its lists say nothing of newer ones. */
  const KNOWN_GPUS = new Set(
    (
      "3.0 3.2 3.5 3.7 5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.8 8.9 9.0 " +
      "10.0 10.1 10.3 10.7 11.0 12.0 12.1"
    ).split(" "),
  );

  const codesOf = (cuda) => (cuda.codeOfFiles.length ? cuda.codeOfFiles : [cuda.architectures]);

  /** Whether every file has code for a GPU. */
  function hasCodeFor(cuda, capability) {
    if (cuda.capabilities.includes(capability)) return true;
    return !KNOWN_GPUS.has(capability) && codesOf(cuda).every((code) => code.some((one) => runsOn(one, capability)));
  }

  /** Whether some file has nothing but PTX for a GPU, which its driver must compile. */
  function needsPtx(cuda, capability) {
    const runs = (code, kind) => code.some((one) => one.startsWith(kind) && runsOn(one, capability));
    return codesOf(cuda).some((code) => !runs(code, "sm_") && runs(code, "compute_"));
  }

  // ---- Words ----

  const PLATFORMS = [
    ["linux_x86_64", "Linux x86-64"],
    ["linux_aarch64", "Linux ARM64"],
    ["win_amd64", "Windows x86-64"],
    ["win_arm64", "Windows ARM64"],
    ["macosx_arm64", "macOS ARM64"],
    ["macosx_x86_64", "macOS x86-64"],
    ["musllinux_x86_64", "Alpine (musl) x86-64"],
    ["musllinux_aarch64", "Alpine (musl) ARM64"],
  ];
  const MAC_FORMATS = { arm64: ["arm64"], universal2: ["arm64", "x86_64"] };

  /** The platforms of the form that a platform tag is for. */
  function familiesOf(tag) {
    const [, family, arch] = /^(manylinux|musllinux|linux|macosx)(?:[0-9_]*?)_((?:[a-z]|x86_64)\w*)$/.exec(tag) ?? [];
    if (family === "macosx") return (MAC_FORMATS[arch] ?? ["x86_64"]).map((format) => `macosx_${format}`);
    if (family === "musllinux") return [`musllinux_${arch}`];
    return family ? [`linux_${arch}`] : [tag];
  }

  const platformName = (value) => PLATFORMS.find(([known]) => known === value)?.[1] ?? value;
  const dotted = (numbers) => numbers.join(".");
  const listed = (items, last) =>
    items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} ${last} ${items.at(-1)}`;

  function describePair(pair) {
    const [python, abi] = pair.split("-");
    const [, implementation, major, minor] = /^(cp|py)(\d)(\d*)$/.exec(python) ?? [];
    const version = minor ? `${major}.${minor}` : major;
    if (implementation === "py" && abi === "none") return `Python ${version}${minor ? " or newer" : ""}`;
    if (implementation !== "cp") return pair;
    if (abi === "abi3") return `Python ${version} or newer`;
    if (abi === "abi3t") return `free-threaded Python ${version} or newer`;
    return abi === `${python}t` ? `free-threaded Python ${version}` : `Python ${version}`;
  }

  function describeRequires(specifier) {
    const [, version] = /^>=\s*(\d+(?:\.\d+)*)$/.exec(specifier) ?? [];
    return version ? `Python ${version} or newer` : `Python ${specifier}`;
  }

  /** The Python that an entry needs; "" where it does not say. */
  function describePython(entry) {
    const isPure = entry.pairs.every((pair) => /^py\d-none$/.test(pair));
    if (isPure && entry.requiresPython) return describeRequires(entry.requiresPython);
    return listed([...new Set(entry.pairs.map(describePair))], "or");
  }

  const platformsOf = (entry) => listed([...new Set(entry.platforms.flatMap(familiesOf))].map(platformName), "or");

  // ---- Judgement: yes, no or unknown, each with what the file needs ----

  const part = (aspect, state, needs, isOpen = false) => ({ aspect, state, needs, isOpen });
  const YES = [];

  function judgePython(entry, machine) {
    const python = parsePython(machine.python);
    if (!python) {
      const needs = describePython(entry);
      return needs ? [part("python", "yes", `needs ${needs}`, true)] : YES;
    }
    if (!entry.pairs.length) return [part("python", "unknown", "does not say which Python it is for")];
    const { binary, any, required } = tagsOf(machine);
    const tags = entry.platforms.every((platform) => platform === "any") ? any : binary;
    if (!entry.pairs.some((pair) => tags.has(pair))) return [part("python", "no", `needs ${describePython(entry)}`)];
    if (!entry.requiresPython) return YES;
    if (!required.has(entry.requiresPython)) {
      const clauses = parseSpecifier(entry.requiresPython);
      required.set(entry.requiresPython, clauses ? decide(clauses, `${python.major}.${python.minor}`) : "unknown");
    }
    const state = required.get(entry.requiresPython);
    if (state === "yes") return YES;
    const wanted = describeRequires(entry.requiresPython);
    if (state === "no") return [part("python", "no", `needs ${wanted}`)];
    return [part("python", "unknown", `needs ${wanted}, which the first two numbers do not decide`)];
  }

  function judgePlatform(entry, machine) {
    if (entry.platforms.includes("any")) return YES;
    if (!entry.platforms.length) {
      return machine.platform ? [part("platform", "unknown", "does not say which platform it is for")] : YES;
    }
    if (!machine.platform) {
      const names = part("platform", "yes", `is for ${platformsOf(entry)}`, true);
      return [names, ...judgeGlibc(entry, entry.platforms, machine)];
    }
    const { platforms } = tagsOf({ python: machine.python, platform: machine.platform, glibc: null });
    const mine = entry.platforms.filter((platform) => platforms.has(platform));
    if (mine.length) return judgeSystem(entry, mine, machine);
    const odd = entry.platforms.find((platform) => familiesOf(platform).includes(machine.platform));
    return [
      part("platform", "no", odd ? `is tagged ${odd}, which installers do not take` : `is for ${platformsOf(entry)}`),
    ];
  }

  /** What the system must be, when the platform is the right one. */
  function judgeSystem(entry, mine, machine) {
    if (machine.platform.startsWith("linux_")) return judgeGlibc(entry, mine, machine);
    if (machine.platform.startsWith("musllinux_")) return judgeMusl(entry, mine);
    const versions = mine.map((tag) => /^macosx_(\d+)_(\d+)_/.exec(tag)).filter(Boolean);
    const oldest = versions.map(([, major, minor]) => [Number(major), Number(minor)]).sort(compareLists)[0];
    return oldest ? [part("platform", "yes", `needs macOS ${dotted(oldest)} or newer`, true)] : YES;
  }

  /** The glibc that a platform tag promises to do with; `[0]` for `linux_x86_64`, which promises nothing. */
  function glibcOfTag(tag) {
    const [, major, minor, old] = /^manylinux(?:_(\d+)_(\d+)|(1|2010|2014))_/.exec(tag) ?? [];
    if (old) return [2, { 1: 5, 2010: 12, 2014: 17 }[old]];
    return major ? [Number(major), Number(minor)] : [0];
  }

  function judgeGlibc(entry, mine, machine) {
    const ofLinux = mine.filter((tag) => familiesOf(tag)[0].startsWith("linux_"));
    if (!ofLinux.length) return YES;
    const promised = ofLinux.map(glibcOfTag).sort(compareLists)[0];
    const needed = entry.glibc && isAtLeast(entry.glibc, promised) ? entry.glibc : promised;
    const isKnown = needed[0] > 0;
    const own = glibcOf(machine.glibc);
    if (!own) return isKnown ? [part("glibc", "yes", `needs glibc ${dotted(needed)} or newer`, true)] : YES;
    if (isKnown) return isAtLeast(own, needed) ? YES : [part("glibc", "no", `needs glibc ${dotted(needed)} or newer`)];
    return isUnread(entry) ? [part("glibc", "unknown", "was not read, so the glibc that it needs is not known")] : YES;
  }

  function judgeMusl(entry, mine) {
    const promised = mine.map((tag) => /^musllinux_(\d+)_(\d+)_/.exec(tag)).filter(Boolean);
    if (promised.length) {
      const oldest = promised.map(([, major, minor]) => [Number(major), Number(minor)]).sort(compareLists)[0];
      return [part("platform", "yes", `needs musl ${dotted(oldest)} or newer`, true)];
    }
    if (entry.glibc) return [part("platform", "no", "needs glibc, which Alpine does not have")];
    return isUnread(entry)
      ? [part("platform", "unknown", "was not read, so whether it runs without glibc is not known")]
      : YES;
  }

  const makerOf = (entry) => /^[a-z]+/.exec(entry.channel ?? "")?.[0];
  /** A torch for AMD GPUs says so in place of a CUDA version: `rocm6.4`. */
  const isRocm = (machine) => Boolean(machine.cuda?.startsWith("rocm"));
  const hasGpu = (machine) => machine.cuda !== "none" && Boolean(machine.cuda || machine.driver || machine.gpu);
  const isForGpu = (entry, machine) => (isRocm(machine) ? makerOf(entry) === "rocm" : isOfCuda(entry));

  const OTHER_MAKERS = { rocm: "is built for AMD GPUs (ROCm)", xpu: "is built for Intel GPUs (XPU)" };

  function judgeCuda(entry, machine) {
    const isAsked = Boolean(machine.cuda || machine.driver);
    const other = OTHER_MAKERS[makerOf(entry)];
    if (other && isRocm(machine) && isForGpu(entry, machine))
      return [part("cuda", "unknown", `${other}, of which neither the version nor the GPU is judged here`)];
    // Compute capabilities are NVIDIA's.
    if (other) return [part("cuda", isAsked || machine.gpu ? "no" : "yes", other, !isAsked)];
    if (!isOfCuda(entry)) {
      const isDoubtful = isAsked && isUnread(entry) && entry.channel !== "cpu";
      return isDoubtful ? [part("cuda", "unknown", "was not read, so whether it needs CUDA is not known")] : YES;
    }
    const made = cudaOf(entry);
    const driver = entry.cuda?.driver ?? (made && oldestDriver(made));
    const needs = `needs ${made ? `CUDA ${dotted(made)}` : "CUDA"}`;
    const older =
      driver && !isWindows(machine.platform) ? `driver ${driver} or newer` : "a driver of that version or newer";
    if (machine.cuda === "none" || isRocm(machine)) return [part("cuda", "no", needs)];
    if (!isAsked)
      return [part("cuda", "yes", `${needs}: ${driver ? older : "which driver that takes is not known"}`, true)];
    if (!made)
      return judgeDriver(driver, machine) ?? [part("cuda", "unknown", "needs CUDA of a version that is not known")];
    return judgeToolkit(made, driver, machine);
  }

  /** By the driver alone; null where nothing is known to compare. */
  function judgeDriver(driver, machine) {
    const own = numbersOf(machine.driver);
    if (!own || !driver || isWindows(machine.platform)) return null;
    return isAtLeast(own, numbersOf(driver)) ? YES : [part("cuda", "no", `needs driver ${driver} or newer`)];
  }

  /** A driver runs what an older CUDA made, and from CUDA 11 on what any of the same major number made. */
  function judgeToolkit(made, driver, machine) {
    const byDriver = judgeDriver(driver, machine);
    const told = numbersOf(machine.cuda);
    if (!told && byDriver?.length) return byDriver;
    const own = told ?? cudaOfDriver(machine.driver, machine.platform);
    if (!own)
      return (
        byDriver ?? [part("cuda", "unknown", `needs CUDA ${dotted(made)}, and what this driver brings is not known`)]
      );
    const isSameMajor = own[0] === made[0];
    const runs = (!told && byDriver) || own[0] > made[0] || (isSameMajor && (made[0] >= 11 || isAtLeast(own, made)));
    if (!runs) {
      const least = made[0] >= 11 ? made[0] : dotted(made);
      return [
        part(
          "cuda",
          "no",
          `needs CUDA ${least} or newer${driver && !isWindows(machine.platform) ? ` (driver ${driver})` : ""}`,
        ),
      ];
    }
    if (byDriver?.length) {
      return [
        part("cuda", "unknown", `needs driver ${driver} or newer, or NVIDIA's package for forward compatibility`),
      ];
    }
    const isNewer = isSameMajor && compareLists(made, own) > 0;
    return isNewer
      ? [part("cuda", "yes", `was made by CUDA ${dotted(made)}, which drivers of CUDA ${made[0]} run as well`, true)]
      : YES;
  }

  const capabilitiesOf = (machine) =>
    machine.gpu
      ? machine.gpu
          .split(",")
          .map((one) => one.trim())
          .filter(numbersOf)
      : [];

  function judgeGpu(entry, machine) {
    const asked = capabilitiesOf(machine);
    if (!asked.length || entry.channel === "cpu") return YES;
    if (!entry.cuda) {
      if (cudaOfChannel(entry.channel)) return [part("gpu", "unknown", "does not tell which GPUs it has code for")];
      return isUnread(entry)
        ? [part("gpu", "unknown", "was not read, so the GPUs that it has code for are not known")]
        : YES;
    }
    const { architectures, capabilities, toolkit } = entry.cuda;
    if (!architectures.length && !capabilities.length) {
      return entry.isRead
        ? YES
        : [part("gpu", "unknown", "was not read, so the GPUs that it has code for are not known")];
    }
    if (!asked.every((one) => hasCodeFor(entry.cuda, one))) {
      const on = capabilities.length
        ? `compute capability ${listed(capabilities, "and")} only (${architectures.join(", ")})`
        : `${listed(architectures, "and")} only`;
      return [part("gpu", "no", `has GPU code for ${on}`)];
    }
    const ptx = asked.filter((one) => architectures.length && needsPtx(entry.cuda, one));
    return ptx.length && toolkit ? judgePtx(toolkit, ptx, machine) : YES;
  }

  /** PTX is compiled only by a driver of its own CUDA version or later. */
  function judgePtx(toolkit, gpus, machine) {
    const needs = `has code for compute capability ${listed(gpus, "and")} only as PTX, which takes a driver of CUDA ${dotted(toolkit)} or newer`;
    const own = driverCuda(machine);
    if (!own) return [part("gpu", "yes", needs, true)];
    if (own[0] === toolkit[0] && toolkit.length < 2) return [part("gpu", "unknown", needs)];
    return isAtLeast(own, toolkit) ? YES : [part("gpu", "no", needs)];
  }

  function judgeTorch(entry, machine) {
    const minor = /^\d+\.\d+/.exec(entry.torch ?? "")?.[0];
    const needs = minor ? `needs torch ${minor}` : entry.torchRequires ? `needs ${entry.torchRequires}` : null;
    if (!machine.torch) return needs ? [part("torch", "yes", needs, true)] : YES;
    if (minor) return minor === machine.torch ? YES : [part("torch", "no", needs)];
    if (entry.torchRequires) {
      const state = allowsTorch(entry.torchRequires, machine.torch);
      return state === "yes"
        ? YES
        : [part("torch", state, state === "no" ? needs : `${needs}: whether yours is, its third number decides`)];
    }
    if (entry.usesTorch) return [part("torch", "unknown", "is linked with torch, of which version is not known")];
    const isDoubtful = isUnread(entry) && !entry.isOpened;
    return isDoubtful ? [part("torch", "unknown", "was not read, so whether it needs torch is not known")] : YES;
  }

  /** Several requirements are for several environments, one of which is to fit. */
  function allowsTorch(requires, torch) {
    const states = requires.split(";").map((one) => {
      // The local part tells a build of torch, not another version.
      const clauses = parseSpecifier(
        one
          .trim()
          .replace(/^torch\s*/, "")
          .replace(/\+[a-z0-9.]+/gi, ""),
      );
      return clauses ? decide(clauses, torch) : "unknown";
    });
    return ["yes", "unknown"].find((state) => states.includes(state)) ?? "no";
  }

  const stateOf = (parts) => ["no", "unknown"].find((state) => parts.some((one) => one.state === state)) ?? "yes";

  /** Whether an entry fits a machine; what the machine does not tell is not judged. */
  function judge(entry, machine) {
    if (!entry.isWheel) {
      return { state: "no", parts: [part("kind", "no", "is a source distribution, which would have to be compiled")] };
    }
    const parts = [judgePython, judgePlatform, judgeCuda, judgeGpu, judgeTorch].flatMap((rule) => rule(entry, machine));
    return { state: stateOf(parts), parts };
  }

  // ---- Choice ----

  const NO_VERSION = { epoch: -1, release: [0], pre: null, post: null, dev: null, local: [] };
  const versionOf = (entry) => entry.version ?? NO_VERSION;

  /** Higher is better: the newest CUDA that the machine has, then the nearest above, then none at all. */
  function channelScore(entry, own, preferred) {
    const made = cudaOf(entry);
    if (!made) return [0, entry.channel && entry.channel === preferred ? 1 : 0];
    if (!own) return [1, entry.channel && entry.channel === preferred ? 1 : 0, ...made];
    if (isAtLeast(own, made)) return [2, ...made];
    return [1, ...made.map((number) => -number)];
  }

  /** Torch up to 2.5 came without the C++11 ABI, later ones with it. */
  function abiScore(entry) {
    const torch = numbersOf(entry.torch);
    if (entry.cxx11Abi === null || !torch) return 0;
    return entry.cxx11Abi === isAtLeast(torch, [2, 6]) ? 1 : -1;
  }

  /** Sorts the best first. */
  function byPreference(machine, pageChannel) {
    const preferred = isRocm(machine) ? machine.cuda : pageChannel;
    const own =
      machine.cuda === "none" ? null : (numbersOf(machine.cuda) ?? cudaOfDriver(machine.driver, machine.platform));
    const rank = (entry) => {
      const place = tagRank(entry, machine);
      return place < 0 ? Infinity : place;
    };
    return (one, other) => {
      const [left, right] = [one.entry, other.entry];
      return (
        left.yanked - right.yanked ||
        one.isIdle - other.isIdle ||
        left.prerelease - right.prerelease ||
        comparePublic(versionOf(right), versionOf(left)) ||
        (one.state === "unknown") - (other.state === "unknown") ||
        compareLists(channelScore(right, own, preferred), channelScore(left, own, preferred)) ||
        compareLists(numbersOf(right.torch) ?? [], numbersOf(left.torch) ?? []) ||
        abiScore(right) - abiScore(left) ||
        compareLists(versionOf(right).local, versionOf(left).local) ||
        compareLists([rank(left)], [rank(right)]) ||
        compareLists(right.build, left.build) ||
        (left.filename < right.filename ? -1 : 1)
      );
    };
  }

  /** What an order puts first; to sort thousands for the sake of one would take long. */
  const bestOf = (list, compare) =>
    list.reduce((best, one) => (best === null || compare(one, best) < 0 ? one : best), null);

  const versionCache = new WeakMap();

  /** The entries of each exact version; found once for each list of entries. */
  function versionsOf(entries) {
    let versions = versionCache.get(entries);
    if (versions) return versions;
    versions = new Map();
    for (const entry of entries) {
      const same = versions.get(entry.exact);
      if (same) same.push(entry);
      else versions.set(entry.exact, [entry]);
    }
    versionCache.set(entries, versions);
    return versions;
  }

  /** Whether the index that commands name for an entry, its channel's or `simple/`, offers another one. */
  const sharesIndex = (entry, other) =>
    !other.channel || (entry.channel ? entry.channel === other.channel : other.inDefault);

  /** What an installer takes that is asked for this version at this index, on a machine that is told. */
  function taken(entry, entries, machine, isLinuxLast = false) {
    const offered = (versionsOf(entries).get(entry.exact) ?? [])
      .filter((other) => other.isWheel && sharesIndex(entry, other))
      .map((other) => ({ other, rank: tagRank(other, machine, isLinuxLast) }))
      .filter(({ other, rank }) => rank >= 0 && !judgePython(other, machine).some(({ state }) => state === "no"));
    const best = bestOf(
      offered,
      (left, right) =>
        left.other.yanked - right.other.yanked ||
        left.rank - right.rank ||
        compareLists(right.other.build, left.other.build),
    );
    return best?.other ?? null;
  }

  /** The entries that installers take, each of its version at its index. */
  function takenOf(entries, machine) {
    const found = new Map();
    return (entry) => {
      const key = `${entry.exact}\n${entry.channel ?? ""}`;
      if (!found.has(key)) found.set(key, taken(entry, entries, machine));
      return found.get(key) === entry;
    };
  }

  /** Tells files that leave a GPU unused beside others that are made for it. */
  function idleOn(machine, entries) {
    const made = hasGpu(machine) ? entries.filter((entry) => entry.isWheel && isForGpu(entry, machine)) : [];
    const releases = new Set(made.map(({ release }) => release));
    if (!made.length) return () => false;
    return (entry) =>
      entry.isWheel &&
      !isForGpu(entry, machine) &&
      (entry.channel === "cpu" || (releases.has(entry.release) && !isUnread(entry)));
  }

  /** Judges all entries and chooses the best of those that fit. */
  function choose(entries, machine, pageChannel = null) {
    const isIdle = idleOn(machine, entries);
    const judged = entries.map((entry) => {
      const one = { entry, ...judge(entry, machine), isIdle: isIdle(entry) };
      if (one.isIdle) one.parts = [...one.parts, part("gpu", "yes", "does not use the GPU", true)];
      return one;
    });
    const fitting = judged.filter(({ state }) => state !== "no");
    // With Python or platform left open, several files of one version are each right somewhere.
    const isDecided = parsePython(machine.python) && machine.platform;
    const isTaken = takenOf(entries, machine);
    const reachable = isDecided ? fitting.filter(({ entry }) => isTaken(entry)) : fitting;
    const order = byPreference(machine, pageChannel);
    const best = bestOf(reachable, order);
    const certain = reachable.filter(({ state, isIdle: idle }) => state === "yes" && !idle);
    const other = best && isDecided ? taken(best.entry, entries, machine, true) : null;
    const ofGpu = (one) => isForGpu(one.entry, machine);
    return {
      state: !best ? "none" : best.state === "yes" && !best.isIdle ? "fits" : "likely",
      best,
      // What other installers take with the same command.
      rival: other === best?.entry ? null : other,
      certain: best?.state === "unknown" ? bestOf(certain, order) : null,
      // Why it is none that uses the GPU.
      instead: best?.isIdle
        ? explain(judged.filter(ofGpu), machine, isRocm(machine) ? "ROCm file" : "CUDA file")
        : null,
      judged,
      fits: fitting.length,
    };
  }

  function cudaName({ cuda, driver }) {
    if (cuda === "none") return "a machine without CUDA";
    if (isRocm({ cuda })) return `ROCm ${cuda.slice(4)}`.trim();
    return cuda ? `CUDA ${cuda}` : `driver ${driver}`;
  }

  /** Names of what a machine tells, by aspect. */
  function toldOf(machine) {
    const python = parsePython(machine.python);
    return {
      ...(python && {
        python: python.isFree ? `free-threaded Python ${machine.python.slice(0, -1)}` : `Python ${machine.python}`,
      }),
      ...(machine.platform && { platform: platformName(machine.platform) }),
      ...(glibcOf(machine.glibc) && { glibc: `glibc ${machine.glibc}` }),
      ...((machine.cuda || machine.driver) && { cuda: cudaName(machine) }),
      ...(capabilitiesOf(machine).length && { gpu: `compute capability ${listed(capabilitiesOf(machine), "and")}` }),
      ...(machine.torch && { torch: `torch ${machine.torch}` }),
    };
  }

  /** How far off an aspect is: another platform is further than another Python. */
  const FAR = { kind: 1000, platform: 100, gpu: 40, cuda: 30, python: 20, torch: 15, glibc: 10 };

  function distance({ entry, parts }, machine) {
    const minorOf = (version) => Number(/^\d+\.(\d+)/.exec(version ?? "")?.[1] ?? 0);
    const steps = {
      python: () =>
        Math.min(
          ...entry.pairs.map((pair) => Math.abs(Number(/^..3(\d+)/.exec(pair)?.[1] ?? 0) - minorOf(machine.python))),
        ),
      torch: () => Math.abs(minorOf(entry.torch) - minorOf(machine.torch)),
    };
    return parts
      .filter(({ state }) => state === "no")
      .reduce((sum, { aspect }) => sum + FAR[aspect] + Math.min(9, (steps[aspect]?.() ?? 0) / 10), 0);
  }

  /** Why nothing fits, and what comes nearest; or why none of the files that are asked for is chosen. */
  function explain(judged, machine, kind = "file") {
    const wheels = judged.filter(({ entry }) => entry.isWheel);
    const passed = wheels.filter(({ state }) => state !== "no");
    if (passed.length) {
      const isYanked = passed.every(({ entry }) => entry.yanked);
      const why = isYanked ? "was yanked" : "shares its version with a file that installers prefer";
      return { reason: `The ${kind} that would fit ${why}.`, nearest: null };
    }
    const told = toldOf(machine);
    const fails = (one, aspect) => one.parts.some((each) => each.aspect === aspect && each.state === "no");
    const never = Object.keys(told).filter((aspect) => wheels.length && wheels.every((one) => fails(one, aspect)));
    // Those that each stand alone between some file and the machine; else all that ever fail.
    const unfit = (one) => new Set(one.parts.filter(({ state }) => state === "no").map(({ aspect }) => aspect));
    const alone = Object.keys(told).filter((aspect) =>
      wheels.some((one) => unfit(one).size === 1 && fails(one, aspect)),
    );
    const apart =
      alone.length > 1 ? alone : Object.keys(told).filter((aspect) => wheels.some((one) => fails(one, aspect)));
    const asked = (aspects, word) =>
      listed(
        aspects.map((aspect) => told[aspect]),
        word,
      );
    let reason = "There is no wheel here, only source that would have to be compiled.";
    if (never.length) reason = `No ${kind} for ${asked(never, "and none for")}.`;
    else if (wheels.length) reason = `No ${kind} fits ${asked(apart, "and")} at once.`;
    const order = byPreference(machine, null);
    const candidates = wheels.length ? wheels : judged;
    const distances = new Map(candidates.map((one) => [one, distance(one, machine)]));
    const nearest = bestOf(candidates, (one, other) => distances.get(one) - distances.get(other) || order(one, other));
    if (!nearest) return { reason, nearest };
    const needs = listed(
      [...new Set(nearest.parts.filter(({ state }) => state === "no").map((one) => one.needs))],
      "and",
    );
    return { reason, nearest: nearest.entry, needs };
  }

  // ---- Commands ----

  const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;
  /** What installers read as nothing else. */
  const isPlain = (value) => /^[A-Za-z0-9][A-Za-z0-9._+!-]*$/.test(value);

  /** Within double quotes an interactive bash takes `!` for a command of its history. */
  const quotePin = (pin) => (pin.includes("!") ? `'${pin}'` : `"${pin}"`);
  /** URLs as a word of a shell; they hold no quote. */
  const quoteUrl = (url) => (/^[A-Za-z0-9:/._~%+-]+$/.test(url) ? url : `'${url}'`);
  const withoutQuotes = (url) => url.replace(/'/g, "%27");

  /** Where the wheel itself is; null for what is no address. */
  function wheelUrl(name, entry, siteUrl) {
    try {
      const { href, protocol } = new URL(entry.url ?? "", `${siteUrl}packages/${name}/`);
      return entry.url && /^https?:$/.test(protocol) ? withoutQuotes(href).replace(/\\/g, "%5C") : null;
    } catch {
      return null;
    }
  }

  /**
   * What to type for an entry, null for what is no name or version. Quotes are those of the index's own pages.
   *
   * A version without local part also stands for those with one; `===` is for this one alone. Poetry does not know
   * that, and gets the URL of the wheel instead.
   */
  function commands(name, entry, entries, { siteUrl, indexName }) {
    const version = entry.versionText;
    if (!NAME.test(name) || !isPlain(version) || !entry.version || (entry.channel && !isPlain(entry.channel)))
      return null;
    const isShadowed =
      !entry.version.local.length &&
      entries.some(
        (other) => other.version?.local.length && entry.release === other.release && sharesIndex(entry, other),
      );
    const pin = `${name}${isShadowed ? "===" : "=="}${version}`;
    const url = withoutQuotes(`${siteUrl}${entry.channel ? `${entry.channel}/` : ""}simple/`);
    const word = quoteUrl(url);
    const wheel = isShadowed && wheelUrl(name, entry, siteUrl);
    const source = `\n[[tool.poetry.source]]\nname = "${indexName}"\nurl = "${url}"\npriority = "explicit"\n`;
    const poetry = isShadowed
      ? wheel && `{ url = "${wheel}" }\n`
      : `{ version = "${version}", source = "${indexName}" }\n${source}`;
    return {
      pip: `pip install ${quotePin(pin)} --only-binary ${name} --extra-index-url ${word}`,
      uv: `uv pip install ${quotePin(pin)} --only-binary ${name} --index ${word}`,
      uvToml:
        `[project]\ndependencies = ["${pin}"]\n\n` +
        `[[tool.uv.index]]\nname = "${indexName}"\nurl = "${url}"\nexplicit = true\n\n` +
        `[tool.uv.sources]\n${name} = { index = "${indexName}" }\n`,
      poetry: poetry && `[tool.poetry.dependencies]\n${name} = ${poetry}`,
    };
  }

  // ---- What people paste ----

  const first = (pattern, pasted) =>
    pattern
      .exec(pasted)
      ?.slice(1)
      .find((group) => group !== undefined) ?? null;

  function pastedPython(pasted) {
    const line = /^Python (?:version: )?(3\.\d{1,2})(?:\.\d+\w*)?\+?(.*)$/m.exec(pasted);
    return line && line[1] + (/free-threading/.test(line[2]) ? "t" : "");
  }

  const ARCHES = { x86_64: "x86_64", amd64: "x86_64", aarch64: "aarch64", arm64: "aarch64" };

  function pastedPlatform(pasted) {
    const arch =
      ARCHES[
        first(/^Python platform: Linux-.*?-(x86_64|aarch64)-/m, pasted) ??
          first(/^Linux .*\b(x86_64|aarch64)\b/m, pasted) ??
          first(/^OS: .*\((x86_64|aarch64)\)/m, pasted) ??
          first(/^musl libc \((x86_64|aarch64)\)/m, pasted)
      ];
    if (arch)
      return /^musl libc|^Libc version: musl|-with-musl|^OS: Alpine/m.test(pasted)
        ? `musllinux_${arch}`
        : `linux_${arch}`;
    const mac =
      first(/^Python platform: macOS-.*?-(arm64|x86_64)/m, pasted) ?? first(/^OS: macOS .*\((arm64|x86_64)\)/m, pasted);
    if (mac) return `macosx_${mac}`;
    const windows = first(/^Python version: .*\((AMD64|ARM64)\)/m, pasted);
    if (windows && /Windows/.test(pasted)) return windows === "AMD64" ? "win_amd64" : "win_arm64";
    if (/^OS: .*Windows/m.test(pasted) && /^Architecture[:=]\s*9\b/m.test(pasted)) return "win_amd64";
    // Only Windows has driver models, and NVIDIA's driver for it is for x86-64.
    return /^\|\s+\d+\s+\S.*?\s(?:WDDM|TCC|MCDM)\s*\|/m.test(pasted) ? "win_amd64" : null;
  }

  /** Names of GPUs, as tables and lists of nvidia-smi and as collect_env print them. */
  function pastedGpus(pasted) {
    // The second cell tells GPUs from the processes below, and from MIG devices.
    const rows = pasted.matchAll(
      /^\|\s+\d+\s+(\S.*?)\s+(?:On|Off|N\/A|WDDM|TCC|MCDM)\s*\|\s*(?:[0-9A-F]{4,8}:[0-9A-F]{2}:|N\/A)/gim,
    );
    const lines = pasted.matchAll(/^(?:GPU models and configuration: ?)?GPU \d+: (.+?)(?: \(UUID: [^)]*\))?\s*$/gm);
    const products = pasted.matchAll(/^\s*Product Name\s*: (.+?)\s*$/gm);
    return [...rows, ...lines, ...products].map((match) => match[1].trim());
  }

  /** Columns that `nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv` prints below their names. */
  function pastedColumns(pasted) {
    const head = /^(?:.*, )?(?:name|driver_version|compute_cap)(?:, .*| *)$/m.exec(pasted);
    const lines = head ? pasted.slice(head.index).split("\n") : [""];
    const [titles, ...rows] = lines.map((line) => line.trim().split(", "));
    const end = rows.findIndex((cells) => cells.length !== titles.length);
    const column = (title, isOne) =>
      rows
        .slice(0, end < 0 ? undefined : end)
        .map((cells) => cells[titles.indexOf(title)] ?? "")
        .filter((cell) => isOne.test(cell));
    return {
      names: column("name", /^(?:nvidia|tesla|quadro|geforce|grid)\b/i),
      driver: column("driver_version", /^\d{3}\.\d{1,3}(?:\.\d{1,3})?$/)[0],
      capabilities: [...new Set(column("compute_cap", /^\d{1,2}\.\d$/))],
    };
  }

  /** What texts of well-known programs tell of a machine; what they do not tell is absent. */
  function parsePaste(pastedText) {
    const pasted = (text(pastedText) ?? "").slice(0, 200_000).replace(/\r\n?/g, "\n");
    const machine = {};
    const columns = pastedColumns(pasted);
    const set = (key, value) => {
      if (value) machine[key] = value;
    };
    set("python", pastedPython(pasted));
    set("platform", pastedPlatform(pasted));
    set("glibc", first(/^Libc version: glibc-(2\.\d+)|^ldd \(.*\) (2\.\d+)/m, pasted));
    set(
      "driver",
      first(
        /\b(?:Driver|KMD) Version\s*: (\d{3}\.\d{1,3}(?:\.\d{1,3})?)\b|^Nvidia driver version: (\d{3}\.[\d.]*\d)/m,
        pasted,
      ) ?? columns.driver,
    );
    // The CUDA that torch was built with is the one its extensions must have; else the driver's.
    const ofTorch = first(/^CUDA used to build PyTorch: (\d+\.\d+|None)/m, pasted)?.toLowerCase();
    const rocm = first(/^ROCM used to build PyTorch: (\d+\.\d+)/m, pasted);
    const ofDriver = first(/\bCUDA (?:UMD )?Version\s*: (\d+\.\d+)/, pasted);
    const ofToolkit = first(/^Cuda compilation tools, release (\d+\.\d+)/m, pasted);
    const byDriver = cudaOfDriver(machine.driver, machine.platform);
    const ofMachine = ofDriver ?? (byDriver ? dotted(byDriver) : ofToolkit);
    set("cuda", rocm ? `rocm${rocm}` : (ofTorch ?? ofMachine));
    const seesNone =
      /^Nvidia driver version: Could not collect/m.test(pasted) && /^Is CUDA available: False/m.test(pasted);
    if (!machine.cuda && (seesNone || machine.platform?.startsWith("macosx"))) machine.cuda = "none";
    set("torch", first(/^PyTorch version: (\d+\.\d+)|^(?:\[pip3\] )?torch==(\d+\.\d+)|^torch\s+(\d+\.\d+)/m, pasted));
    const { capabilities } = columns;
    const names = [...new Set([...pastedGpus(pasted), ...(capabilities.length ? [] : columns.names)])];
    const found = capabilities.length ? capabilities : names.map((name) => gpus.computeCapabilityOf(name));
    const known = [...new Set(found.filter(Boolean))];
    // With a GPU that is not known nothing can be said of all of them.
    if (known.length && found.every(Boolean)) machine.gpu = known.join(", ");
    // Jetson's drivers are numbered apart.
    if (known.some((capability) => APART.has(Number(capability.replace(".", ""))))) delete machine.driver;
    let note = "";
    if (rocm) note = "This torch is built for ROCm: no file for CUDA fits it.";
    else if (ofTorch === "none") note = "This torch is built without CUDA.";
    return {
      machine,
      note,
      gpuNames: names,
      unknownGpus: capabilities.length ? [] : names.filter((name) => !gpus.computeCapabilityOf(name)),
    };
  }

  const fit = {
    parseVersion,
    compareVersions,
    parseSpecifier,
    satisfies,
    decide,
    parsePython,
    platformTags,
    tagsOf,
    tagRank,
    familiesOf,
    parseEntry,
    parseEntries,
    glibcOf,
    dotted,
    cudaOf,
    cudaOfDriver,
    isOfCuda,
    isUnread,
    runsOn,
    judge,
    choose,
    taken,
    explain,
    commands,
    parsePaste,
    cudaName,
    platformName,
    describePython,
    platformsOf,
    platforms: PLATFORMS,
    cudaReleases: DRIVERS.map(([release]) => release),
    computeCapabilityOf: gpus.computeCapabilityOf,
    gpuNames: gpus.names,
  };
  if (isNode) module.exports = fit;
  else window.wheelsite.fit = fit;
})();
