"use strict";

(() => {
  const html = document.documentElement;
  // Controls that need scripting stay hidden until this class is set.
  html.classList.add("js");

  /** Static pages may not know where they are hosted, the browser does. */
  function fillIndexUrl() {
    const url = new URL(html.dataset.root + html.dataset.index, location.href).href;
    const safe = url.replace(/'/g, "%27");
    // As in commands that know their URL from the start.
    const word = /^[A-Za-z0-9:/._~%+-]+$/.test(safe) ? safe : `'${safe}'`;
    for (const code of document.querySelectorAll("[data-index-url]")) {
      // The word boundary keeps names such as PIP_INDEX_URL intact.
      code.textContent = code.textContent.replace(/(index(?:-url)? )?\bINDEX_URL\b/g, (_, option) =>
        option ? option + word : safe,
      );
    }
  }

  async function copyText(text) {
    // The clipboard does not exist on plain http origins and may be denied elsewhere.
    if (
      await navigator.clipboard?.writeText(text).then(
        () => true,
        () => false,
      )
    )
      return true;
    const area = document.createElement("textarea");
    area.className = "visually-hidden";
    area.value = text;
    area.readOnly = true;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus({ preventScroll: true });
    return done;
  }

  function addCopyButtons() {
    const sources = document.querySelectorAll("[data-copy], .hash");
    if (!sources.length) return;
    const live = document.createElement("div");
    live.className = "visually-hidden";
    live.setAttribute("role", "status");
    document.body.append(live);

    for (const source of sources) {
      // Files have a row each, which is called like the file.
      const row = source.closest("tr[id]");
      const kind = source.dataset.copy ?? "SHA-256";
      const what = row ? `${kind} of ${row.id}` : kind;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "Copy";
      button.title = "Copy";
      button.setAttribute("aria-label", `Copy ${what}`);
      let timer;
      button.addEventListener("click", async () => {
        const done = await copyText(source.textContent.trim());
        button.textContent = done ? "Copied" : "Failed";
        button.classList.toggle("done", done);
        live.textContent = done ? `Copied ${what}` : "Copying failed";
        clearTimeout(timer);
        timer = setTimeout(() => {
          button.textContent = "Copy";
          button.classList.remove("done");
          live.textContent = "";
        }, 1600);
      });
      (source.closest("pre") ?? source).after(button);
    }
  }

  /** Lowercase, and equate the separators that package names do not tell apart. */
  const fold = (text) => text.toLowerCase().replace(/[-_.]+/g, "-");

  // ---- What search.json knows of the projects ----

  const asText = (value) => (typeof value === "string" && value ? value : null);
  const asList = (value) => (Array.isArray(value) ? value : []);

  /** A row of the file as an object; null for what is none. */
  function parseRow(row, sets) {
    const [name, display, summary, latest, date, files, status, set] = asList(row);
    if (!asText(name)) return null;
    return {
      name,
      display: asText(display) ?? name,
      summary: asText(summary) ?? "",
      latest: asText(latest),
      date: asText(date),
      files: Number.isInteger(files) ? files : 0,
      status: asText(status),
      profiles: sets[set] ?? null,
      text: fold(`${asText(display) ?? name} ${name} ${asText(summary) ?? ""}`),
    };
  }

  /** `parseProfile` makes of a profile what the finder judges; without a finder nobody asks. */
  function parseRows(part, parseProfile) {
    const profiles = asList(part?.profiles).map((profile) => parseProfile?.(profile) ?? null);
    const sets = asList(part?.sets).map((set) =>
      asList(set)
        .map((at) => profiles[at])
        .filter(Boolean),
    );
    return asList(part?.rows)
      .map((row) => parseRow(row, sets))
      .filter(Boolean);
  }

  /** The projects of search.json, loaded when first asked for, and in parts where there are many. */
  class SearchIndex {
    /** In the order of the file. */
    rows = [];
    isComplete = false;
    hasFailed = false;
    #parts = null;
    #waiting = [];
    #loaded = new Map();
    #root;

    constructor(root) {
      this.#root = root;
    }

    async #fetch(path) {
      const answer = await fetch(new URL(path, this.#root));
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    }

    #take(part, at) {
      this.#loaded.set(at, parseRows(part, window.wheelsite.fit?.parseEntry));
      this.rows = [...this.#loaded].sort(([one], [other]) => one - other).flatMap(([, rows]) => rows);
    }

    async #open() {
      const first = await this.#fetch("search.json");
      if (Array.isArray(first?.rows)) this.#take(first, 0);
      this.#waiting = asList(first?.shards)
        .map((shard, at) => ({ ...shard, at }))
        .filter((shard) => asText(shard.path));
    }

    /** Takes out of the queue the part whose names may begin so, or else the next, if any will do. */
    #next(beginning, isStrict) {
      const cut = (name) => String(name).slice(0, beginning.length);
      const at = this.#waiting.findIndex(
        ({ first, last }) => beginning && cut(first) <= beginning && beginning <= cut(last),
      );
      if (at < 0 && isStrict) return null;
      return this.#waiting.splice(Math.max(0, at), 1)[0];
    }

    /** Loads the next part; `beginning` is what is looked for, and `isStrict` wants no other. */
    async more(beginning, isStrict = false) {
      try {
        this.#parts ??= this.#open();
        await this.#parts;
        const shard = this.#next(beginning, isStrict);
        if (shard) this.#take(await this.#fetch(shard.path), shard.at);
        this.isComplete = this.#waiting.length === 0;
      } catch {
        this.hasFailed = true;
      }
    }
  }

  // ---- The list of projects ----

  /** More rows than this nobody reads; typing on finds the rest. */
  const SHOWN = 100;

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  /** A row as the server writes it. */
  function makeRow(row) {
    const what = element("div", "what");
    const link = element("a", "", row.display);
    link.href = `${html.dataset.root}packages/${encodeURIComponent(row.name)}/`;
    what.append(link);
    // Words of the standard only: what it says becomes a class.
    if (row.status && /^[a-z]+$/.test(row.status)) what.append(" ", element("span", `badge ${row.status}`, row.status));
    if (row.summary) what.append(element("p", "", row.summary));
    const files = element("span", "num", String(row.files));
    files.append(element("span", "unit", row.files === 1 ? " file" : " files"));
    const date = element("span", "date");
    if (row.date) {
      const time = element("time", "", row.date);
      time.dateTime = row.date;
      date.append(time);
    }
    const li = element("li");
    li.append(what, element("span", "ver", row.latest), files, date);
    return li;
  }

  /** Says of a row that nothing is known of what its files need. */
  function markNotTold(li, isNotTold) {
    const mark = li.querySelector(".not-told");
    if (isNotTold && !mark) {
      const badge = element("span", "badge not-told", "not told");
      badge.title = "What the files of this project need is not told.";
      li.querySelector("a")?.after(" ", badge);
    } else if (!isNotTold) {
      mark?.remove();
    }
  }

  /** Filters by text and by what the finder knows of a machine; both must hold. */
  class ProjectList {
    #list;
    #input = document.getElementById("filter");
    #count = document.getElementById("filter-count");
    #empty = document.getElementById("no-match");
    /** Names without rows, for who does without a script; and what is said when nothing is filtered. */
    #more = document.querySelector(".more-projects");
    #served;
    #index = new SearchIndex(new URL(html.dataset.root || ".", location.href));
    /** Judges a row of the index: "yes", "no" or "not told". */
    #environment = null;
    #listener = () => {};
    #isLoading = false;
    #links = [];
    #matches = 0;
    #unfiltered = this.#count?.textContent ?? "";

    constructor(list) {
      this.#list = list;
      this.#served = [...list.children].map((li) => {
        const link = li.querySelector("a");
        const [, name] = /packages\/([^/?#]+)\//.exec(link?.getAttribute("href") ?? "") ?? [];
        return { li, link, name: name ? decodeURIComponent(name) : "", text: fold(li.firstElementChild.textContent) };
      });
      this.total = Math.max(Number(list.dataset.total) || 0, this.#served.length);
    }

    rows() {
      return this.#index.rows;
    }

    find(name) {
      return this.#index.rows.find((row) => row.name === name) ?? this.#served.find((row) => row.name === name);
    }

    firstName() {
      return this.#served[0]?.name ?? "";
    }

    onChange(listener) {
      this.#listener = listener;
    }

    /** Loads what has names that begin so; the rest only when the list needs it. */
    async load(beginning) {
      if (this.#index.isComplete || this.#index.hasFailed) return;
      await this.#index.more(beginning, true);
      this.apply();
      this.#listener();
    }

    setEnvironment(judge) {
      this.#environment = judge;
      this.apply();
      this.#listener();
    }

    /** How many projects may be of use, in words. */
    fitText() {
      const count = this.#terms().length
        ? `${this.#matches} of the projects found`
        : `${this.#matches} of ${this.total} projects`;
      return `${count} ${this.#index.isComplete ? "have" : "so far have"} a file that may fit`;
    }

    #terms() {
      return fold(this.#input?.value ?? "")
        .split(/\s+/)
        .filter(Boolean);
    }

    /** Whether the page holds only the first projects. */
    get #isPartial() {
      return this.total > this.#served.length;
    }

    /** Whether a row of the page or of the index is to be seen, and whether its files are not told. */
    #verdict(row, terms) {
      if (!terms.every((term) => row.text.includes(term))) return "no";
      return this.#environment ? this.#environment(row) : "yes";
    }

    #filterServed(terms, byName) {
      this.#list.querySelectorAll(":scope > .found").forEach((li) => li.remove());
      this.#links = [];
      for (const row of this.#served) {
        const known = this.#environment && byName.get(row.name);
        const verdict = this.#verdict(
          this.#environment ? { profiles: known?.profiles ?? null, text: row.text } : row,
          terms,
        );
        const isShown = verdict !== "no";
        // Writing only what changes keeps the pass cheap with thousands of rows.
        if (row.li.hidden === isShown) row.li.hidden = !isShown;
        markNotTold(row.li, isShown && verdict === "not told" && this.#index.isComplete);
        if (isShown) this.#links.push(row.link);
      }
      this.#matches = this.#links.length;
    }

    /** Rows of the index instead of those of the page, which are only its beginning. */
    #showFound(terms) {
      const found = this.#index.rows
        .map((row) => ({ row, verdict: this.#verdict(row, terms) }))
        .filter(({ verdict }) => verdict !== "no");
      const isFirst = ({ row }) => Boolean(terms[0] && fold(row.name).startsWith(terms[0]));
      const sorted = [...found.filter(isFirst), ...found.filter((one) => !isFirst(one))];
      for (const { li } of this.#served) if (!li.hidden) li.hidden = true;
      this.#list.querySelectorAll(":scope > .found").forEach((li) => li.remove());
      const rows = sorted.slice(0, SHOWN).map(({ row, verdict }) => {
        const li = makeRow(row);
        li.classList.add("found");
        markNotTold(li, verdict === "not told");
        return li;
      });
      this.#list.append(...rows);
      this.#links = rows.map((li) => li.querySelector("a"));
      this.#matches = found.length;
    }

    #countText(isFiltered) {
      if (!isFiltered) return this.#unfiltered;
      const isAll = !this.#isPartial || this.#index.isComplete || this.#index.hasFailed;
      const found =
        this.#matches > SHOWN && this.#isPartial ? `First ${SHOWN} of ${this.#matches}` : String(this.#matches);
      const rest =
        this.#matches > SHOWN && this.#isPartial ? "matching projects shown" : `of ${this.total} projects shown`;
      return `${found} ${rest}${isAll ? "" : ", searching on\u2026"}`;
    }

    apply() {
      const terms = this.#terms();
      const isFiltered = Boolean(terms.length || this.#environment);
      if (isFiltered && this.#isPartial && this.#index.rows.length) this.#showFound(terms);
      else
        this.#filterServed(terms, this.#environment ? new Map(this.#index.rows.map((row) => [row.name, row])) : null);
      if (this.#count) this.#count.textContent = this.#countText(isFiltered);
      if (this.#more) this.#more.hidden = isFiltered;
      if (this.#empty) this.#empty.hidden = this.#links.length > 0 || this.#isLoading;
      if (isFiltered && (this.#isPartial || this.#environment)) this.#loadOn(terms);
    }

    /** Part after part, until there is more than anybody reads. */
    async #loadOn(terms) {
      const isDone = () => this.#index.isComplete || this.#index.hasFailed;
      if (this.#isLoading || isDone() || (this.#isPartial && this.#matches > SHOWN)) return;
      this.#isLoading = true;
      await this.#index.more(terms[0] ?? "");
      this.#isLoading = false;
      this.apply();
      this.#listener();
    }

    listen() {
      const input = this.#input;
      if (!input) return;
      input.addEventListener("input", () => this.apply());
      if (this.#isPartial) input.addEventListener("focus", () => this.load(this.#terms()[0] ?? ""), { once: true });
      input.addEventListener("keydown", (event) => {
        if (event.key === "Escape") {
          event.preventDefault();
          if (!input.value) input.blur();
          input.value = "";
          this.apply();
        } else if (event.key === "Enter" && this.#links.length === 1) {
          this.#links[0].click();
        }
      });
      document.addEventListener("keydown", (event) => {
        if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
        event.preventDefault();
        input.focus();
        input.select();
      });
      const query = new URLSearchParams(location.search).get("q");
      if (query) input.value = query;
      // Browsers may restore the text after a reload without an input event.
      addEventListener("pageshow", () => this.apply());
    }
  }

  function setUpReleases() {
    const list = document.querySelector(".releases");
    if (!list) return;
    const total = list.children.length;
    const more = document.createElement("button");
    const showAll = () => {
      list.classList.remove("short");
      more.remove();
    };
    if (total > 12) {
      list.classList.add("short");
      more.type = "button";
      more.className = "more";
      more.textContent = `Show all ${total} releases`;
      more.addEventListener("click", () => {
        showAll();
        // The button is gone: go on where the list was cut.
        list.children[10].querySelector("summary").focus();
      });
      list.after(more);
    }
    /** A link to #release-1.2, or to a file, must show what it names. */
    const openTarget = () => {
      const target = document.getElementById(decode(location.hash.slice(1)));
      const release = target?.closest(".releases > details");
      if (!release) return;
      showAll();
      release.open = true;
      target.scrollIntoView({ behavior: "instant" });
    };
    addEventListener("hashchange", openTarget);
    openTarget();
  }

  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  /** What the scripts of a page share. */
  window.wheelsite = { projects: null };

  document.addEventListener("DOMContentLoaded", () => {
    fillIndexUrl();
    addCopyButtons();
    const list = document.getElementById("projects");
    if (list) {
      window.wheelsite.projects = new ProjectList(list);
      window.wheelsite.projects.listen();
    }
    setUpReleases();
  });
})();
