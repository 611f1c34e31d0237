/**
 * The service worker: keeps the app shell, so that a stored pass shows with no signal. Pages and config come from the network while it
 * answers (the content policy travels with the page), from the cache when it does not; hashed files always from the cache.
 */
import { strategyFor } from "./strategy";

declare const self: ServiceWorkerGlobalScope;

/** Free on purpose: the build writes the list of shell files in its place (vite.config.ts). */
declare const __SHELL_FILES__: readonly string[];

const SHELL = __SHELL_FILES__;
/** Names carry content hashes, so the joined list names the version. */
const CACHE = `tongguan-shell ${SHELL.join(" ")}`;
/** How long a page may take from the network before the kept one is shown, in milliseconds. */
const PATIENCE = 3_000;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll([...SHELL, "/config.json"].map((path) => new Request(path, { cache: "reload" }))))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const drop = async (): Promise<void> => {
    for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(drop());
});

self.addEventListener("fetch", (event) => {
  switch (strategyFor(event.request, self.location.origin, SHELL)) {
    case "page":
      return event.respondWith(networkFirst(event.request, "/index.html"));
    case "config":
      return event.respondWith(networkFirst(event.request, "/config.json"));
    case "shell":
      return event.respondWith(kept(new URL(event.request.url).pathname).then((response) => response ?? fetch(event.request)));
    case "leave":
      return undefined;
  }
});

function kept(path: string): Promise<Response | undefined> {
  return caches.open(CACHE).then((cache) => cache.match(path));
}

async function networkFirst(request: Request, path: string): Promise<Response> {
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
    if (response.ok) return response;
    return (await kept(path)) ?? response;
  } catch (error) {
    const response = await kept(path);
    if (response === undefined) throw error;
    return response;
  }
}
