/** What the service worker does with a request. Only files of the wallet itself are ever kept; what the broker says never is. */

export type Strategy = "leave" | "page" | "config" | "shell";

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly mode: string;
}

export function strategyFor(request: Seen, origin: string, shell: readonly string[]): Strategy {
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== origin) return "leave";
  if (request.mode === "navigate") return "page";
  if (url.pathname === "/config.json") return "config";
  return shell.includes(url.pathname) ? "shell" : "leave";
}
