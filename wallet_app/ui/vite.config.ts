import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Files of `public/` that belong to the app shell; the hashed ones come from the bundle. */
const PUBLIC_SHELL = ["/icon.svg", "/manifest.webmanifest"];

/**
 * Writes the list of shell files into the service worker. The names carry content hashes, so a new build changes the worker's bytes,
 * which is how a browser notices that there is one.
 */
function shellList(): Plugin {
  return {
    name: "tongguan-shell-list",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("the build has no sw.js");
      if (worker.imports.length > 0) throw new Error("sw.js must stand alone: a classic worker imports nothing");
      const assets = Object.keys(bundle).filter((name) => name.startsWith("assets/"));
      const shell = ["/index.html", ...assets.sort().map((name) => `/${name}`), ...PUBLIC_SHELL];
      const marker = "__SHELL_FILES__";
      if (worker.code.split(marker).length !== 2) throw new Error("sw.js lost its marker for the shell list");
      worker.code = worker.code.replace(marker, () => JSON.stringify(shell));
    },
  };
}

export default defineConfig({
  plugins: [shellList()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the content policy allows no data: URLs
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: "index.html", sw: "src/sw/worker.ts" },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
  },
});
