// What the worker of a site answers, without Cloudflare: headers that are given are judged, and
// requests go to a folder of two files.
//
//     node worker.mjs WORKER < ACCEPT_HEADERS      (a JSON list; prints a list of booleans)

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { byteRange, serve, wantsJson } = await import(pathToFileURL(process.argv[2]));

for (const [header, expected] of [
  ["bytes=0-3", [0, 3]],
  ["bytes=4-", [4, 9]],
  ["bytes=-3", [7, 9]],
  ["bytes=-99", [0, 9]],
  ["bytes=8-99", [8, 9]],
  ["bytes=10-", null],
  ["bytes=-0", null],
  ["bytes=5-2", undefined],
  ["bytes=-", undefined],
  ["bytes=0-1,4-5", undefined],
  ["lines=0-1", undefined],
  [null, undefined],
]) {
  assert.deepEqual(byteRange(header, 10), expected, header);
}
assert.equal(byteRange("bytes=0-", 0), null);

const FILES = {
  "/simple/a/": "<!doctype html>",
  "/simple/a/index.v1_json": "{}",
  "/packages/simple/": "<!doctype html><p>people</p>",
  "/files/a/0123456789abcdef/a-1.tar.gz": "0123456789",
};
const asked = [];
const assets = {
  async fetch(request) {
    asked.push(request);
    assert.equal(request.headers.get("range"), null, "static files know no ranges");
    assert.equal(request.redirect, "manual");
    const body = FILES[new URL(request.url).pathname];
    const headers = { "content-type": "application/octet-stream", "cache-control": "immutable" };
    if (body === undefined) return new Response("missing", { status: 404, headers });
    return new Response(body, { headers: { ...headers, etag: '"it"' } });
  },
};
const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

async function get(path, headers = {}, method = "GET") {
  const request = new Request(`https://host.example${path}`, { method, headers });
  const response = await serve(request, assets);
  return [response, await response.text()];
}

const accept = { accept: JSON_TYPE };
let [response, body] = await get("/simple/a/", accept);
assert.deepEqual([response.status, body], [200, "{}"]);
assert.equal(response.headers.get("content-type"), JSON_TYPE);
assert.equal(response.headers.get("vary"), "Accept");
[response, body] = await get("/simple/a/");
assert.equal(body, "<!doctype html>");
assert.equal(response.headers.get("vary"), "Accept");
[response, body] = await get("/packages/simple/", accept);
assert.match(body, /people/);
[response] = await get("/simple/b/", accept);
assert.equal(response.status, 404);
assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
assert.doesNotMatch(response.headers.get("cache-control"), /immutable/);
[response] = await get("/files/a/0123456789abcdef/b-1.tar.gz");
assert.doesNotMatch(response.headers.get("cache-control"), /immutable/);
[response] = await get("/simple/a/", {}, "POST");
assert.deepEqual([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);

const file = "/files/a/0123456789abcdef/a-1.tar.gz";
[response, body] = await get(file, { range: "bytes=2-4" });
assert.deepEqual([response.status, body], [206, "234"]);
assert.equal(response.headers.get("content-range"), "bytes 2-4/10");
[response, body] = await get(file, { range: "bytes=10-" });
assert.deepEqual([response.status, body], [416, ""]);
assert.equal(response.headers.get("content-range"), "bytes */10");
[response, body] = await get(file, { range: "bytes=0-1,4-5" });
assert.deepEqual([response.status, body], [200, "0123456789"]);
[response, body] = await get(file, { range: "bytes=2-4", "if-range": '"it"' });
assert.equal(response.status, 206);
[response, body] = await get(file, { range: "bytes=2-4", "if-range": '"other"' });
assert.deepEqual([response.status, body], [200, "0123456789"]);
[response] = await get(file, { range: "bytes=2-4" }, "HEAD");
assert.equal(response.status, 200);
assert.equal(response.headers.get("accept-ranges"), "bytes");
assert.ok(asked.every((request) => request.method !== "POST"));

const headers = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(headers.map((header) => wantsJson(header))));
