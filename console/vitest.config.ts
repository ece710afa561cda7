import { defineConfig } from "vitest/config";

export default defineConfig({ cacheDir: "../node_modules/.vite", test: { root: "web", include: ["src/**/*.test.ts"] } });
