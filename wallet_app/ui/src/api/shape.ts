/** Reads JSON from outside into typed values; anything unexpected raises UnexpectedAnswer naming the member. */
import { UnexpectedAnswer } from "./problem";

export type Read<T> = (value: unknown, at: string) => T;

function refuse(at: string, wanted: string): never {
  throw new UnexpectedAnswer(`${at}: ${wanted} expected`);
}

export const text: Read<string> = (value, at) => (typeof value === "string" ? value : refuse(at, "text"));
export const flag: Read<boolean> = (value, at) => (typeof value === "boolean" ? value : refuse(at, "true or false"));

/** An ISO 8601 time with its zone, to milliseconds since 1970 UTC. */
export const time: Read<number> = (value, at) => {
  const moment = typeof value === "string" && /(?:Z|[+-]\d\d:\d\d)$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(moment) ? refuse(at, "a time") : moment;
};

export function optional<T>(read: Read<T>): Read<T | null> {
  return (value, at) => (value === null || value === undefined ? null : read(value, at));
}

export function oneOf<const T extends string>(...values: readonly T[]): Read<T> {
  return (value, at) => values.find((known) => known === value) ?? refuse(at, values.join(" or "));
}

export function list<T>(read: Read<T>): Read<readonly T[]> {
  return (value, at) => (Array.isArray(value) ? value.map((item, i) => read(item, `${at}[${i}]`)) : refuse(at, "a list"));
}

/** An object with these members; others are ignored, so that a newer broker may add some. */
export function record<T extends object>(members: { readonly [K in keyof T]: Read<T[K]> }): Read<T> {
  return (value, at) => {
    if (typeof value !== "object" || value === null) return refuse(at, "an object");
    const source = value as Record<string, unknown>;
    const entries = Object.entries<Read<unknown>>(members).map(([name, read]) => [name, read(source[name], `${at}.${name}`)]);
    return Object.fromEntries(entries) as T;
  };
}
