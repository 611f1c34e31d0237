/** Where the broker is: the one thing that the wallet learns from the server that delivered it. */

export interface Config {
  /** Issuer and API origin, without a trailing slash. */
  readonly broker: string;
  readonly clientId: string;
}

/** Raises TypeError when the server is unreachable and nothing is cached, RangeError when its answer is unusable. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json", { cache: "no-cache" });
  if (!response.ok) throw new RangeError(`config.json: HTTP ${response.status}`);
  const body: unknown = await response.json();
  if (typeof body !== "object" || body === null) throw new RangeError("config.json is not an object");
  const { broker, client_id: clientId } = body as Record<string, unknown>;
  if (typeof broker !== "string" || typeof clientId !== "string") throw new RangeError("config.json lacks broker or client_id");
  const url = new URL(broker);
  if (url.protocol !== "https:" && !isLoopback(url)) throw new RangeError("the broker must be reached over TLS");
  return { broker: broker.replace(/\/$/, ""), clientId };
}

/** Plain HTTP is acceptable only where nobody can listen in. */
export function isLoopback(url: URL): boolean {
  return url.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
}
