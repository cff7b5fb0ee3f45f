// Serves a Python package index from Cloudflare Pages: JSON for installers and HTML for people
// under one address, which static files alone cannot do. Written by wheelsite.

const SIMPLE = "application/vnd.pypi.simple";
const JSON_TYPES = [`${SIMPLE}.v1+json`, `${SIMPLE}.latest+json`];
const HTML_TYPES = [`${SIMPLE}.v1+html`, `${SIMPLE}.latest+html`];
const IS_FILE = /\/files\/[^/]+\/[0-9a-f]{16}\/[^/]+$/;
const IS_INDEX = /\/simple\/([^/]+\/)?$/;

/** The media ranges of an `Accept` header. What cannot be read asks for nothing. */
function parse(accept) {
  const ranges = accept.toLowerCase().split(",").map((range) => {
    const [type, ...parameters] = range.split(";").map((part) => part.trim());
    const written = parameters.find((parameter) => /^q\s*=/.test(parameter));
    const text = written === undefined ? "1" : written.split("=")[1].trim();
    return { type, quality: /^\d(\.\d*)?$/.test(text) ? Math.min(Number(text), 1) : NaN };
  });
  return ranges.filter(({ quality }) => !Number.isNaN(quality));
}

/** How much one of these types is wanted: what fits best decides, a name before a wildcard. */
function wanted(ranges, types, wildcard) {
  let best = { fit: -1, quality: 0 };
  for (const { type, quality } of ranges) {
    const fit = types.includes(type) ? 2 : type === wildcard ? 1 : type === "*/*" ? 0 : -1;
    const isBetter = fit > best.fit || (fit === best.fit && quality > best.quality);
    if (fit >= 0 && isBetter) best = { fit, quality };
  }
  return best;
}

/**
 * Whether an `Accept` header asks for JSON rather than for HTML (RFC 9110, PEP 691). Who asks
 * for nothing in particular gets HTML.
 */
export function wantsJson(accept) {
  const ranges = parse(accept ?? "");
  const json = wanted(ranges, JSON_TYPES, "application/*");
  const html = Math.max(
    wanted(ranges, HTML_TYPES, "application/*").quality,
    wanted(ranges, ["text/html"], "text/*").quality,
  );
  const isNamed = json.fit === 2;
  return json.quality > 0 && (json.quality > html || (isNamed && json.quality === html));
}

/**
 * The first and the last byte that a `Range` header asks for, of a file with so many; null where
 * the file has none of them, undefined where the whole file is to be sent.
 */
export function byteRange(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (!first && !last) return undefined;
  const start = first ? Number(first) : Math.max(size - Number(last), 0);
  const end = first && last ? Math.min(Number(last), size - 1) : size - 1;
  if (first && last && Number(first) > Number(last)) return undefined;
  return start < size && start <= end ? [start, end] : null;
}

/** A static file, as Pages sends it. */
function ask(request, assets, url) {
  const headers = new Headers(request.headers);
  // Pages answers ranges with the whole file.
  headers.delete("range");
  headers.delete("if-range");
  // Redirects are for the client to follow: relative links lead elsewhere otherwise.
  const { method } = request;
  return assets.fetch(new Request(url, { method, headers, redirect: "manual" }));
}

/** A page of an index, in the form that is asked for. */
async function page(request, assets, url) {
  const isJson = wantsJson(request.headers.get("accept"));
  const names = isJson ? ["index.v1_json", "./"] : ["./"];
  let response;
  for (const name of names) {
    const found = await ask(request, assets, new URL(name, url));
    response = new Response(found.body, found);
    if (found.ok && name !== "./") response.headers.set("content-type", JSON_TYPES[0]);
    // `packages/simple/` is the page of a project, and has no other form.
    if (found.status !== 404) break;
  }
  response.headers.set("vary", "Accept");
  return response;
}

/** A distribution or its METADATA; parts of it on request. */
async function file(request, assets, url) {
  const found = await ask(request, assets, url);
  if (!found.ok) return found;
  const whole = new Response(found.body, found);
  const etag = whole.headers.get("etag");
  whole.headers.set("accept-ranges", "bytes");
  const condition = request.headers.get("if-range");
  const isCurrent = condition === null || condition === etag;
  const asks = request.method === "GET" && isCurrent && request.headers.has("range");
  if (!asks) return whole;
  // No file on Pages has more than 25 MiB.
  const bytes = await whole.arrayBuffer();
  const range = byteRange(request.headers.get("range"), bytes.byteLength);
  if (range === undefined) return new Response(bytes, whole);
  const { headers } = whole;
  if (range === null) {
    headers.set("content-range", `bytes */${bytes.byteLength}`);
    return new Response(null, { status: 416, headers });
  }
  const [start, end] = range;
  headers.set("content-range", `bytes ${start}-${end}/${bytes.byteLength}`);
  return new Response(bytes.slice(start, end + 1), { status: 206, headers });
}

/** Answers a request from static files. */
export async function serve(request, assets) {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
  }
  const url = new URL(request.url);
  const answer = IS_FILE.test(url.pathname) ? file : IS_INDEX.test(url.pathname) ? page : ask;
  const response = await answer(request, assets, url);
  if (response.status !== 404) return response;
  // `_headers` gives it the type and the lifetime of what is not there.
  const missing = new Response(response.body, response);
  missing.headers.set("content-type", "text/html; charset=utf-8");
  missing.headers.set("cache-control", "public, max-age=0, must-revalidate");
  return missing;
}

export default { fetch: (request, env) => serve(request, env.ASSETS) };
