// Serves a build as the product does, policy and all, for development and for the tests of tests/.
//   node web/dev/server.mjs [--dist DIR] [--port 8572] [--upstream URL [--token-file FILE]]
// Without --upstream the API is the made-up estate's; with it, requests go on to a real server, with the token of the
// file if one is given, else with the session that its login address opens.
import { createServer, request } from "node:http";
import { readFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { parseArgs } from "node:util";
import { answer } from "./answers.mjs";
import { keepLogin, login, useCookie } from "./people.mjs";

const { values } = parseArgs({
  options: { dist: { type: "string", default: "dist" }, port: { type: "string", default: "8572" }, upstream: { type: "string" }, "token-file": { type: "string" } },
});
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

async function readBody(incoming) {
  const parts = [];
  for await (const part of incoming) parts.push(part);
  return Buffer.concat(parts);
}

function passOn(incoming, outgoing, body) {
  const upstream = new URL(values.upstream);
  const token = values["token-file"] && readFileSync(values["token-file"], "utf8").trim();
  const headers = { ...incoming.headers, host: upstream.host, ...(incoming.headers.origin ? { origin: upstream.origin } : {}), ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const onward = request(new URL(incoming.url, upstream), { method: incoming.method, headers }, (reply) => {
    outgoing.writeHead(reply.statusCode, reply.headers);
    reply.pipe(outgoing);
  });
  onward.on("error", (error) => outgoing.writeHead(502).end(error.message));
  onward.end(body);
}

async function serveFile(path, outgoing) {
  const wanted = join(values.dist, normalize(path));
  // Ids such as cis-aws-5.0 have dots too, so an ending does not make a file.
  const file = path.startsWith("/assets/") || path === "/favicon.svg" ? wanted : join(values.dist, "index.html");
  try {
    const content = await readFile(file);
    outgoing.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": POLICY, "x-content-type-options": "nosniff" }).end(content);
  } catch {
    outgoing.writeHead(404).end("not found");
  }
}

/** Each browser signs in for itself. */
function cookieOf(incoming) {
  const known = /(?:^|; )fixture=([\w-]+)/.exec(incoming.headers.cookie ?? "")?.[1];
  return known ? { name: known, headers: {} } : newCookie();
}

function newCookie() {
  const name = randomUUID();
  return { name, headers: { "set-cookie": `fixture=${name}; Path=/; HttpOnly; SameSite=Strict` } };
}

createServer(async (incoming, outgoing) => {
  const url = new URL(incoming.url, "http://127.0.0.1");
  const isLoginUpstream = values.upstream && !values["token-file"];
  if (url.pathname === "/login" && isLoginUpstream) return passOn(incoming, outgoing);
  if (url.pathname === "/login") {
    const cookie = newCookie();
    login(url.searchParams.get("token"));
    keepLogin(cookie.name);
    return outgoing.writeHead(303, { location: "/", ...cookie.headers }).end();
  }
  if (url.pathname.startsWith("/sign-in/") && !values.upstream) return outgoing.writeHead(303, { location: "/sign-in?error=the%20fixture%20server%20knows%20no%20identity%20provider" }).end();
  if (!/^\/(api|subscriptions|providers|tenants|sign-in\/.+)(\/|$)/.test(url.pathname)) return serveFile(url.pathname, outgoing);
  const body = await readBody(incoming);
  if (values.upstream) return passOn(incoming, outgoing, body);
  const cookie = cookieOf(incoming);
  useCookie(cookie.name, incoming.headers.authorization);
  const reply = answer(incoming.method, url, body.length > 0 && incoming.headers["content-type"] === "application/json" ? JSON.parse(body) : undefined);
  keepLogin(cookie.name);
  outgoing.writeHead(reply.status, { "content-type": "application/json", ...cookie.headers, ...reply.headers }).end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
}).listen(Number(values.port), "127.0.0.1", () => console.log(`http://127.0.0.1:${values.port}/login?token=any`));
