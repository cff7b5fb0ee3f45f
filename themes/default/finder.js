"use strict";

/** The finder's form and its answer. What fits is decided in fit.js; nothing leaves the site. */
(() => {
  const { fit } = window.wheelsite;
  const html = document.documentElement;
  const section = document.getElementById("finder");
  if (!section) return;

  const byId = (id) => document.getElementById(id);
  const form = byId("finder-form");
  const home = section.dataset.project === "";
  const rootUrl = new URL(html.dataset.root || ".", location.href);
  /** What the address of a page tells; `driver` has no field of its own. */
  const KEYS = ["python", "platform", "glibc", "cuda", "driver", "gpu", "torch"];
  const FORM_KEYS = KEYS.filter((key) => key !== "driver");

  /** The texts of the form; and what is known of the project that it is about. */
  const told = Object.fromEntries(KEYS.map((key) => [key, ""]));
  const project = { name: "", entries: [], isLoaded: false };
  /** On the home: its list of projects, and what those are known to have. */
  let list = null;
  let profiles = [];

  // ---- From texts to a machine ----

  const DRIVER = /^\d{3}\.\d{1,3}(\.\d{1,3})?$/;

  function readCuda() {
    const written = told.cuda
      .trim()
      .toLowerCase()
      .replace(/^(cuda|driver)\s*/, "");
    if (/^(none|no|cpu)$/.test(written)) return { cuda: "none" };
    if (/^rocm[\d.\s]*$/.test(written)) return { cuda: written.replace(/\s/g, "") };
    if (DRIVER.test(written)) return { driver: written };
    if (!written) return { driver: told.driver };
    if (/^\d{1,2}(\.\d{1,2}){0,2}$/.test(written)) {
      return { cuda: written.split(".").slice(0, 2).join("."), driver: told.driver };
    }
    const expected = "a version such as 12.8, a driver such as 570.86.15, or none";
    return { problem: `CUDA \u201c${told.cuda.slice(0, 40)}\u201d is not understood: expected ${expected}.` };
  }

  function readGpu() {
    const names = told.gpu
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean);
    const capabilities = names.map((name) => (/^\d{1,2}\.\d$/.test(name) ? name : fit.computeCapabilityOf(name)));
    const unknown = names.filter((name, at) => !capabilities[at]);
    if (!unknown.length) return { gpu: [...new Set(capabilities)].join(", ") };
    return {
      problem:
        `The compute capability of \u201c${unknown[0].slice(0, 60)}\u201d is not known here. Give the number that ` +
        "nvidia-smi --query-gpu=compute_cap --format=csv prints.",
    };
  }

  /** The machine that the form tells, and what in it is not understood. */
  function readMachine() {
    const cuda = readCuda();
    const gpu = readGpu();
    const hasGlibc = isShown("glibc") && told.glibc.trim();
    const glibc = hasGlibc && fit.glibcOf(told.glibc.trim()) ? told.glibc.trim() : "";
    const problem = hasGlibc && !glibc ? "glibc is told as 2.35; ldd --version prints it." : null;
    return {
      machine: {
        python: told.python,
        platform: told.platform,
        glibc,
        cuda: cuda.cuda ?? "",
        driver: cuda.driver ?? "",
        gpu: gpu.gpu ?? "",
        torch: told.torch,
      },
      problems: [problem, cuda.problem, gpu.problem].filter(Boolean),
    };
  }

  const isTold = (machine) => Object.values(machine).some(Boolean);

  // ---- The form ----

  const field = (key) => section.querySelector(`[data-field="${key}"]`);
  const isShown = (key) => !field(key).hidden;

  function makeOption(value, label = value) {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = label;
    return option;
  }

  function makeGroup(label, options) {
    const group = document.createElement("optgroup");
    group.label = label;
    group.append(...options);
    return group;
  }

  /** Those that some file is for, then others, so that the form can say that there is none. */
  function fillSelect(key, offered, others, nameOf = (value) => value) {
    const select = form.elements[key];
    // It may be open.
    if (select === document.activeElement && select.value === told[key]) return;
    const known = [...offered, ...others];
    const value = told[key];
    if (value && !known.includes(value)) others = [value, ...others];
    const options = (values) => values.map((one) => makeOption(one, nameOf(one)));
    select.replaceChildren(makeOption("", "any"), ...options(offered));
    // Before anything is known of the files, all are alike.
    if (offered.length && others.length) select.append(makeGroup("No file here", options(others)));
    else select.append(...options(others));
    select.value = value;
  }

  const fillList = (id, values) => byId(id).replaceChildren(...values.map((value) => makeOption(value)));

  const NEWEST_PYTHON = 15;
  const pythonName = (python) => (python.endsWith("t") ? `${python.slice(0, -1)} free-threaded` : python);

  /** Of CPython, newest first: those that a file is tagged for, and those that an open tag takes in. */
  function pythonsOf(entries) {
    const known = Array.from({ length: NEWEST_PYTHON - 7 }, (_, step) => `3.${NEWEST_PYTHON - step}`);
    const tagged = entries.flatMap((entry) =>
      entry.pairs.flatMap((pair) => {
        const [, minor, isFree] = /^cp3(\d{1,2})-cp3\d+(t?)$/.exec(pair) ?? [];
        return minor ? [`3.${minor}${isFree}`] : [];
      }),
    );
    const all = [...new Set([...known, ...tagged])].sort(
      (one, other) => parseFloat(other.slice(2)) - parseFloat(one.slice(2)) || one.length - other.length,
    );
    const isOffered = (python) =>
      entries.some(
        (entry) =>
          entry.isWheel &&
          fit.judge(entry, { python }).parts.every(({ aspect, state }) => aspect !== "python" || state !== "no"),
      );
    const offered = all.filter(isOffered);
    return { offered, others: all.filter((python) => !offered.includes(python)) };
  }

  function platformsOf(entries) {
    const tags = new Set(entries.flatMap((entry) => entry.platforms));
    const all = fit.platforms.map(([value]) => value);
    const others = [...tags]
      .flatMap((tag) => fit.familiesOf(tag))
      .filter((value) => value !== "any" && !all.includes(value));
    const platforms = [...all, ...new Set(others)];
    const offered = platforms.filter(
      (value) => tags.has("any") || [...tags].some((tag) => fit.familiesOf(tag).includes(value)),
    );
    return { offered, others: all.filter((value) => !offered.includes(value)) };
  }

  function torchesOf(entries) {
    const named = entries.flatMap((entry) => [entry.torch, ...((entry.torchRequires ?? "").match(/\d+\.\d+/g) ?? [])]);
    const minors = named.map((version) => /^\d+\.\d+/.exec(version ?? "")?.[0]).filter(Boolean);
    return [...new Set(minors)].sort((one, other) =>
      fit.compareVersions(fit.parseVersion(other), fit.parseVersion(one)),
    );
  }

  /** Fields that no file cares for are in the way, unless something is told in them. */
  function showFields(entries) {
    const isAny = entries.length === 0;
    const cares = {
      platform: isAny || entries.some((entry) => !entry.platforms.includes("any")),
      cuda: isAny || entries.some((entry) => fit.isOfCuda(entry) || fit.isUnread(entry)),
      torch: isAny || entries.some((entry) => entry.usesTorch || entry.torch),
    };
    cares.glibc = cares.platform && /^(linux_.*)?$/.test(told.platform);
    cares.gpu = cares.cuda;
    for (const [key, isCared] of Object.entries(cares)) {
      field(key).hidden = !(isCared || (key !== "glibc" && told[key]) || (key === "cuda" && told.driver));
    }
    // What the tools print tells Python and the platform too, but those are as quickly chosen.
    byId("finder-paste-box").hidden = !["glibc", "cuda", "gpu", "torch"].some(isShown);
  }

  function fillForm() {
    const entries = project.isLoaded ? project.entries : profiles;
    const wheels = entries.filter((entry) => entry.isWheel);
    showFields(wheels);
    const pythons = pythonsOf(wheels);
    fillSelect("python", pythons.offered, pythons.others, pythonName);
    const platforms = platformsOf(wheels);
    fillSelect("platform", platforms.offered, platforms.others, fit.platformName);
    fillSelect("torch", torchesOf(wheels), []);
    fillList("finder-cudas", [...fit.cudaReleases.filter((release) => parseFloat(release) >= 11), "none"]);
    const capabilities = [...new Set(wheels.flatMap((entry) => entry.cuda?.capabilities ?? []))].sort(
      (one, other) => one - other,
    );
    fillList("finder-gpus", [...capabilities, ...fit.gpuNames]);
    for (const key of ["glibc", "cuda", "gpu"]) form.elements[key].value = told[key];
    if (home && document.activeElement !== form.elements.project) form.elements.project.value = project.name;
  }

  /** Short hints beside the labels: what was made of a driver's number, or of a GPU's name. */
  function showHints(machine, problems) {
    const byDriver = fit.cudaOfDriver(machine.driver, machine.platform);
    const isDriver = machine.driver && !machine.cuda;
    byId("finder-cuda-hint").textContent = isDriver ? (byDriver ? `CUDA ${fit.dotted(byDriver)}` : "") : machine.driver;
    const gpuHint = byId("finder-gpu-hint");
    gpuHint.textContent = machine.gpu && machine.gpu !== told.gpu.trim() ? machine.gpu : "";
    gpuHint.classList.toggle("short", gpuHint.textContent.length < 5);
    const note = byId("finder-note");
    note.textContent = problems.join(" ");
    note.hidden = !problems.length;
    byId("finder-clear").hidden = !(isTold(machine) || problems.length || (home && project.name));
  }

  // ---- The address ----

  function parameters({ withProject = home } = {}) {
    const { machine } = readMachine();
    const query = new URLSearchParams();
    for (const key of KEYS) {
      const value = machine[key] || (key === "gpu" ? told.gpu.trim() : "");
      if (value) query.set(key, value.replace(/,\s+/g, ","));
    }
    if (withProject && project.name) query.set("project", project.name);
    return query;
  }

  function writeAddress() {
    const kept = new URLSearchParams(location.search);
    for (const key of [...KEYS, "project"]) kept.delete(key);
    const query = new URLSearchParams([...kept, ...parameters()]).toString();
    const address = `${location.pathname}${query ? `?${query}` : ""}${location.hash}`;
    if (new URL(address, location.href).href !== location.href) history.replaceState(history.state, "", address);
  }

  function readAddress() {
    const query = new URLSearchParams(location.search);
    for (const key of KEYS) told[key] = (query.get(key) ?? "").slice(0, 120);
    told.gpu = told.gpu.replace(/,/g, ", ");
    if (told.python && !fit.parsePython(told.python)) told.python = "";
    if (told.torch && !/^\d+\.\d+$/.test(told.torch)) told.torch = "";
    if (told.platform && !/^\w+$/.test(told.platform)) told.platform = "";
    if (told.driver && !DRIVER.test(told.driver)) told.driver = "";
    if (!told.cuda && told.driver) [told.cuda, told.driver] = [told.driver, ""];
    return query.get("project") ?? "";
  }

  /** Links to projects, and back to the home, carry on what the form tells. */
  function carryOn(event) {
    const link = event.target.closest?.("a[href]");
    if (!link) return;
    if (link.origin !== rootUrl.origin || !link.pathname.startsWith(rootUrl.pathname)) return;
    if (!/^(packages\/[^/]+\/)?$/.test(link.pathname.slice(rootUrl.pathname.length))) return;
    // A link within the page goes where it says.
    if (link.pathname === location.pathname && link.hash) return;
    link.search = parameters({ withProject: false }).toString();
  }

  // ---- The answer ----

  function makeElement(tag, className, textContent) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (textContent !== undefined) element.textContent = textContent;
    return element;
  }

  const pageOf = (name) => new URL(`packages/${encodeURIComponent(name)}/`, rootUrl);

  /** The row of a file: on this page, or on that of its project. */
  function linkToRow(link, filename) {
    const page = home ? pageOf(project.name) : new URL(location.pathname, location.href);
    page.search = parameters({ withProject: false }).toString();
    page.hash = encodeURIComponent(filename);
    link.href = page.href;
    link.textContent = filename;
    return link;
  }

  /** Addresses are foreign: only what a browser fetches is linked. */
  function safeUrl(url) {
    try {
      const resolved = new URL(url, pageOf(project.name));
      return /^https?:$/.test(resolved.protocol) ? resolved.href : null;
    } catch {
      return null;
    }
  }

  function humanSize(bytes) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let at = 0;
    let size = bytes;
    while (size >= 999.95 && at + 1 < units.length) [size, at] = [size / 1000, at + 1];
    return at ? `${size.toFixed(1)} ${units[at]}` : `${size} B`;
  }

  /** What a file is for, in a line. */
  function chipsOf(entry) {
    const cuda = fit.cudaOf(entry);
    const chips = [
      fit.describePython(entry),
      entry.platforms.includes("any") ? "any platform" : fit.platformsOf(entry),
      cuda ? `CUDA ${fit.dotted(cuda)}` : entry.channel,
      entry.cuda?.architectures.join(" "),
      entry.torch && `torch ${entry.torch}`,
      entry.cxx11Abi === null ? null : `C++11 ABI ${entry.cxx11Abi ? "on" : "off"}`,
      entry.glibc && `glibc \u2265 ${fit.dotted(entry.glibc)}`,
      entry.size === null ? null : humanSize(entry.size),
    ]
      .filter(Boolean)
      .map((chip) => makeElement("span", "chip", chip));
    const url = entry.url && safeUrl(entry.url);
    if (url) {
      const link = makeElement("a", "finder-download", "Download");
      link.href = url;
      chips.push(link);
    }
    return chips;
  }

  /** An item that may begin with a word that stands out, and may hold a link to a file. */
  function makeItem({ word, before = "", file, after = "" }) {
    const item = makeElement("li");
    if (word) item.append(makeElement("strong", `finder-${word.toLowerCase().replace(/\W/g, "")}`, word), " ");
    item.append(before);
    if (file) item.append(linkToRow(makeElement("a"), file), after);
    return item;
  }

  /** Why nothing fits, or nothing that uses the GPU; and what comes nearest. */
  function explanation({ reason, nearest, needs }) {
    const items = [makeItem({ before: reason })];
    if (nearest) items.push(makeItem({ word: "Nearest:", file: nearest.filename, after: ` ${needs}.` }));
    return items;
  }

  /** What is to know about a file that fits: what was left open, and what is not known. */
  function whyItFits({ best, certain, rival, instead }) {
    const { entry, parts } = best;
    const items = instead ? explanation(instead) : [];
    const unknown = parts.filter(({ state }) => state === "unknown");
    items.push(...unknown.map(({ needs }) => makeItem({ word: "Unknown:", before: `it ${needs}.` })));
    if (certain) items.push(makeItem({ before: "Known to fit: ", file: certain.entry.filename }));
    if (rival)
      items.push(
        makeItem({
          word: "Beware:",
          before: "uv, and pip before 26.3, take ",
          file: rival.filename,
          after: " instead.",
        }),
      );
    if (entry.yanked)
      items.push(makeItem({ word: "Yanked:", before: `${entry.yankReason ?? "no reason was given"}.` }));
    if (entry.prerelease) items.push(makeItem({ before: "It is a pre-release." }));
    const open = parts.filter(({ isOpen, state }) => isOpen && state === "yes").map(({ needs }) => needs);
    if (open.length) items.push(makeItem({ word: "To check:", before: `it ${open.join("; it ")}.` }));
    return items;
  }

  const BADGES = {
    fits: ["Fits", "fits"],
    likely: ["Fits as far as is known", "warning"],
    none: ["Nothing fits", "error"],
  };

  function siteUrl() {
    return html.dataset.siteUrl || rootUrl.href.replace(/[?#].*$/, "");
  }

  function fillCommands(entry) {
    const written = fit.commands(project.name, entry, project.entries, {
      siteUrl: siteUrl(),
      indexName: html.dataset.indexName || "wheels",
    });
    byId("finder-commands").hidden = !written;
    if (!written) return;
    for (const [id, key] of [
      ["pip", "pip"],
      ["uv", "uv"],
      ["uv-toml", "uvToml"],
      ["poetry", "poetry"],
    ]) {
      const code = byId(`finder-${id}`);
      code.textContent = written[key];
      code.closest(".snippet").hidden = !written[key];
    }
  }

  /** What was told but not understood is not judged, so that a file may only be likely to fit. */
  function showAnswer(choice, machine, isUnderstood) {
    const answer = byId("finder-answer");
    const state = choice?.state === "fits" && !isUnderstood ? "likely" : (choice?.state ?? "empty");
    answer.dataset.state = state;
    answer.hidden = !choice;
    if (!choice) return;
    const [label, kind] = BADGES[state];
    const badge = byId("finder-badge");
    badge.textContent = label;
    badge.className = `badge ${kind}`;
    const entry = choice.best?.entry;
    byId("finder-file").hidden = !entry;
    byId("finder-chips").hidden = !entry;
    byId("finder-commands").hidden = true;
    const why = entry ? whyItFits(choice) : explanation(fit.explain(choice.judged, machine));
    byId("finder-why").replaceChildren(...why);
    if (!entry) return;
    linkToRow(byId("finder-file"), entry.filename);
    byId("finder-chips").replaceChildren(...chipsOf(entry));
    fillCommands(entry);
  }

  // ---- The tables of the project page ----

  const releases = document.querySelector(".releases");
  const rows = home || !releases ? [] : [...releases.querySelectorAll("tr[id]")];

  const nothing = makeElement("p", "empty", "No file fits this machine. Clear the finder to see all.");
  nothing.hidden = true;
  releases?.after(nothing);

  /** Leaves the rows that fit; with nothing told, all. */
  function narrowRows(judged) {
    if (!releases) return;
    const unfit = new Set((judged ?? []).filter(({ state }) => state === "no").map(({ entry }) => entry.filename));
    for (const row of rows) row.hidden = unfit.has(row.id);
    for (const release of releases.children) {
      const own = [...release.querySelectorAll("tr[id]")];
      release.hidden = own.length > 0 && own.every((row) => row.hidden);
    }
    releases.classList.toggle("narrowed", Boolean(judged));
    nothing.hidden = !rows.length || !rows.every((row) => row.hidden);
    releases.hidden = !nothing.hidden;
  }

  /** A row may be hidden as one that does not fit, and its release closed. */
  function revealRow(event) {
    const link = event.target.closest?.("a[href]");
    if (home || !link || !section.contains(link) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const row = rows.find(({ id }) => id === link.textContent);
    if (!row) return;
    event.preventDefault();
    row.hidden = false;
    const release = row.closest("details");
    release.hidden = false;
    release.open = true;
    nothing.hidden = true;
    releases.hidden = false;
    history.replaceState(history.state, "", `#${encodeURIComponent(row.id)}`);
    writeAddress();
    row.scrollIntoView({ block: "center" });
    row.querySelector("a")?.focus({ preventScroll: true });
  }

  // ---- Everything at once ----

  const pageChannel = /^(?!simple\/)([^/]+)\/simple\//.exec(html.dataset.index ?? "")?.[1] ?? null;

  function countText(choice, machine) {
    const files = project.entries.length;
    if (choice && isTold(machine)) return `${choice.fits} of ${files} ${files === 1 ? "file fits" : "files fit"}`;
    return project.isLoaded ? `${files} ${files === 1 ? "file" : "files"}` : "";
  }

  function render() {
    const { machine, problems } = readMachine();
    if (project.name && !project.isLoaded) problems.push(`What is known of ${project.name} could not be loaded.`);
    const isAsked = project.isLoaded && (isTold(machine) || home);
    const choice = isAsked ? fit.choose(project.entries, machine, pageChannel) : null;
    showHints(machine, problems);
    showAnswer(choice, machine, !problems.length);
    if (home) narrowProjects(machine);
    else narrowRows(isTold(machine) ? choice.judged : null);
    if (project.isLoaded || !home) byId("finder-count").textContent = countText(choice, machine);
    writeAddress();
  }

  /** Of the projects that the home lists, those that have a file that may fit. */
  function narrowProjects(machine) {
    if (!isTold(machine)) return list.setEnvironment(null);
    // Many projects have files with the same needs.
    const verdicts = new Map();
    const mayFit = (profile) => {
      if (!verdicts.has(profile)) verdicts.set(profile, fit.judge(profile, machine).state !== "no");
      return verdicts.get(profile);
    };
    list.setEnvironment(({ profiles: own }) => (own === null ? "not told" : own.some(mayFit) ? "yes" : "no"));
  }

  function onInput(event) {
    const { name, value } = event.target;
    if (name === "project") return void chooseProject(value);
    if (!FORM_KEYS.includes(name)) return;
    told[name] = value;
    // What a paste told of the driver does not hold for another version.
    if (name === "cuda") told.driver = "";
    if (name === "platform")
      showFields((project.isLoaded ? project.entries : profiles).filter((entry) => entry.isWheel));
    render();
  }

  function clear() {
    for (const key of KEYS) told[key] = "";
    byId("finder-paste").value = "";
    byId("finder-paste-status").textContent = "";
    if (home && list.total > 1) Object.assign(project, { name: "", entries: [], isLoaded: false });
    fillForm();
    render();
    form.elements[home ? "project" : "python"].focus();
  }

  // ---- Pastes ----

  const NAMES = {
    python: "Python",
    platform: "",
    glibc: "glibc",
    cuda: "",
    driver: "driver",
    gpu: "compute capability",
    torch: "torch",
  };

  function fillFromPaste(pasted) {
    const { machine, note, gpuNames, unknownGpus } = fit.parsePaste(pasted);
    const found = KEYS.filter((key) => machine[key]);
    const status = byId("finder-paste-status");
    if (!found.length && !gpuNames.length) {
      status.textContent = pasted.trim()
        ? "Nothing was recognized: paste all of what nvidia-smi or python -m torch.utils.collect_env prints."
        : "";
      return false;
    }
    Object.assign(told, machine);
    if (machine.cuda && !machine.driver) told.driver = "";
    // Names say more than numbers do; both are read alike.
    const names = gpuNames.map((name) => name.replace(/^NVIDIA /, ""));
    if (unknownGpus.length || (machine.gpu && names.length && !gpuNames.some((name) => name.includes(","))))
      told.gpu = names.join(", ");
    const saying = {
      platform: fit.platformName(machine.platform),
      cuda: fit.cudaName(machine),
      gpu: names.length ? `${machine.gpu} (${names.join(", ")})` : machine.gpu,
    };
    const facts = found.map((key) => `${NAMES[key]} ${saying[key] ?? machine[key]}`.trim());
    if (unknownGpus.length) facts.push(`${unknownGpus[0]}, of which the compute capability is not known here`);
    status.textContent = `Filled in: ${facts.join(", ")}. ${note}`.trim();
    fillForm();
    render();
    return true;
  }

  function onPasteAnywhere(event) {
    if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
    const pasted = event.clipboardData?.getData("text") ?? "";
    if (pasted && fillFromPaste(pasted)) event.preventDefault();
  }

  // ---- Data ----

  async function loadFiles(name) {
    const answer = await fetch(new URL("files.json", pageOf(name)));
    if (!answer.ok) throw new Error(String(answer.status));
    return fit.parseEntries((await answer.json())?.files);
  }

  /** Files of the project; false where they cannot be had. */
  async function openProject(name) {
    Object.assign(project, { name, entries: [], isLoaded: false });
    try {
      const entries = await loadFiles(name);
      // Another one may have been chosen meanwhile.
      if (project.name === name) Object.assign(project, { entries, isLoaded: true });
      return true;
    } catch {
      return false;
    }
  }

  const normalize = (name) =>
    name
      .trim()
      .toLowerCase()
      .replace(/[-_.]+/g, "-");

  async function chooseProject(written) {
    const name = normalize(written);
    suggestProjects(name);
    await list.load(name);
    if (name !== normalize(form.elements.project.value)) return;
    suggestProjects(name);
    if (name === project.name) return;
    if (list.find(name)) {
      await openProject(name);
      if (name !== project.name) return;
    } else if (project.name) {
      Object.assign(project, { name: "", entries: [], isLoaded: false });
    } else {
      return;
    }
    const cursor = form.elements.project.selectionStart;
    fillForm();
    form.elements.project.value = written;
    form.elements.project.setSelectionRange?.(cursor, cursor);
    render();
  }

  /** A list of thousands would be slow to open. */
  function suggestProjects(beginning) {
    const names = list.rows().map((row) => row.name);
    const starting = names.filter((name) => name.startsWith(beginning));
    const holding = beginning ? names.filter((name) => !name.startsWith(beginning) && name.includes(beginning)) : [];
    fillList("finder-projects", [...starting, ...holding].slice(0, 50));
  }

  let knownRows = null;

  function listHasChanged() {
    if (project.isLoaded) return;
    const rows = list.rows();
    if (rows !== knownRows) {
      knownRows = rows;
      profiles = [...new Set(rows.flatMap((row) => row.profiles ?? []))];
      fillForm();
    }
    const { machine } = readMachine();
    byId("finder-count").textContent = isTold(machine) ? list.fitText() : "";
  }

  // ---- Start ----

  function explainAbsence(sentence) {
    section.replaceWith(makeElement("p", "note finder-absent", sentence));
  }

  function listen() {
    form.addEventListener("input", onInput);
    form.addEventListener("submit", (event) => event.preventDefault());
    byId("finder-clear").addEventListener("click", clear);
    byId("finder-paste").addEventListener("input", (event) => fillFromPaste(event.target.value));
    document.addEventListener("paste", onPasteAnywhere);
    section.addEventListener("click", revealRow);
    for (const kind of ["pointerdown", "focusin", "click"]) document.addEventListener(kind, carryOn, true);
    addEventListener("popstate", () => {
      const name = readAddress();
      if (home && name !== project.name) return void startHome(name);
      fillForm();
      render();
    });
  }

  async function startHome(name) {
    const only = list.total === 1 ? list.firstName() : "";
    const wanted = normalize(name) || only;
    // An address may name anything.
    if (wanted) await list.load(wanted);
    if (wanted && list.find(wanted)) await openProject(wanted);
    else Object.assign(project, { name: "", entries: [], isLoaded: false });
    fillForm();
    render();
  }

  async function start() {
    if (location.protocol === "file:") {
      return explainAbsence(
        "The finder needs the site to be served over HTTP; the tables of each project say the same.",
      );
    }
    list = window.wheelsite.projects;
    if (home && !list) return;
    const name = readAddress();
    if (home) {
      list.onChange(listHasChanged);
      // Small indexes are loaded at once, so that the form offers what there is; others when it is touched.
      if (list.total <= 300) list.load("");
      else section.addEventListener("focusin", () => list.load(""), { once: true });
      await startHome(name);
    } else {
      if (!(await openProject(section.dataset.project)))
        return explainAbsence("The finder could not load what it knows of these files; the tables say the same.");
      fillForm();
      render();
    }
    section.hidden = false;
    listen();
    // What the address names has moved down; site.js scrolls to it.
    if (location.hash) dispatchEvent(new Event("hashchange"));
  }

  // The list of the home is set up when the page is complete.
  if (document.readyState === "complete") start();
  else document.addEventListener("DOMContentLoaded", start);
})();
