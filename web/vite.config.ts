import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds a server: a running watchbell, or `npm run fake`.
const backend = process.env["WATCHBELL_DEV_SERVER"] ?? "http://127.0.0.1:3000";

export default defineConfig({
  // Tailwind's own optimiser would lower light-dark() for browsers older than the target below.
  plugins: [react(), tailwindcss({ optimize: false })],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: ["chrome123", "firefox121", "safari17.5"],
    // A data: URI would need an exception in the Content-Security-Policy (default-src 'self').
    assetsInlineLimit: 0,
    // Read by scripts/finish.ts to find what the first page loads; removed before the build is embedded.
    manifest: true,
    rollupOptions: {
      output: {
        // Split by how often a part changes, so that an update of ours leaves the libraries in the browser's cache.
        manualChunks: (id) =>
          /node_modules\/(react|react-dom|scheduler)\//.test(id) ? "react"
          : /node_modules\/(@tanstack|@orpc)\//.test(id) ? "wire"
          : undefined,
      },
    },
  },
  server: { proxy: { "/api": { target: backend, ws: true, changeOrigin: false } } },
  test: {
    environment: "jsdom",
    environmentOptions: { jsdom: { url: "http://watchbell.test/" } },
    setupFiles: ["./test/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}", "test/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    testTimeout: 15_000,
  },
});
