import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The API that `npm run dev` asks: the fixture server, or a real one.
const upstream = process.env.SKYWARDEN_UPSTREAM ?? "http://127.0.0.1:8572";

// `secure: false`: the server's certificate is of its own CA, and it runs on this machine.
const proxy = { target: upstream, changeOrigin: true, secure: false, headers: { Origin: upstream } };
// What is the server's and no page; `/sign-in` itself is one, `/sign-in/PROVIDER` leads to an identity provider.
const SERVED = ["/api", "/login", "^/(subscriptions|providers|tenants)(/|\\?|$)", "^/sign-in/."];

export default defineConfig({
  root: "web",
  plugins: [react()],
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    // The content security policy allows no data: scripts; small assets stay files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: "127.0.0.1",
    port: 8570,
    proxy: Object.fromEntries(SERVED.map((path) => [path, proxy])),
  },
});
