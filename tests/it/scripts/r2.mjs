// A bucket of Cloudflare R2, emulated by miniflare, under two addresses: `/s3/BUCKET/KEY` takes
// what an S3 client writes, and every other path is that of an object, as a public bucket serves
// it: by its very key and nowhere else.
//
//     node r2.mjs FOLDER PORT      (miniflare is installed in FOLDER)

import { createRequire } from "node:module";

const [, , folder, port] = process.argv;
const { Miniflare } = createRequire(`${folder}/`)("miniflare");

const worker = `
  function answer(object, status) {
    const headers = new Headers({ etag: object.httpEtag, "accept-ranges": "bytes" });
    object.writeHttpMetadata(headers);
    headers.set("last-modified", object.uploaded.toUTCString());
    if (status === 206) {
      const { offset = 0, length = object.size - offset } = object.range;
      headers.set("content-range", \`bytes \${offset}-\${offset + length - 1}/\${object.size}\`);
    }
    return new Response(object.body, { status, headers });
  }

  async function write(request, bucket, key) {
    const absent = request.headers.get("if-none-match");
    const same = request.headers.get("if-match");
    const onlyIf = {
      ...(absent && { etagDoesNotMatch: absent }),
      ...(same && { etagMatches: same.replaceAll('"', "") }),
    };
    const bytes = await request.arrayBuffer();
    const object = await bucket.put(key, bytes, { httpMetadata: request.headers, onlyIf });
    if (object === null) return new Response(null, { status: 412 });
    return new Response(null, { headers: { etag: object.httpEtag } });
  }

  export default {
    async fetch(request, { BUCKET }) {
      const path = decodeURIComponent(new URL(request.url).pathname);
      const [, named] = /^\\/s3\\/[^/]+\\/(.*)$/s.exec(path) ?? [];
      const key = named ?? path.slice(1);
      if (named !== undefined && request.method === "PUT") return write(request, BUCKET, key);
      if (named !== undefined && request.method === "DELETE") {
        await BUCKET.delete(key);
        return new Response(null, { status: 204 });
      }
      const ranged = request.headers.has("range");
      const object = await BUCKET.get(key, ranged ? { range: request.headers } : {});
      return object ? answer(object, ranged ? 206 : 200) : new Response(null, { status: 404 });
    },
  };
`;

new Miniflare({
  host: "127.0.0.1",
  port: Number(port),
  modules: true,
  script: worker,
  r2Buckets: ["BUCKET"],
  compatibilityDate: "2026-04-01",
  cf: false,
});
