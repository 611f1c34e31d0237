import { expect, test } from "vitest";
import { strategyFor } from "./strategy";

const SHELL = ["/index.html", "/assets/index-abc.js"];
const ORIGIN = "https://wallet.example";

test.each([
  ["GET", `${ORIGIN}/passes/1`, "navigate", "page"],
  ["GET", `${ORIGIN}/callback?code=1`, "navigate", "page"],
  ["GET", `${ORIGIN}/config.json`, "cors", "config"],
  ["GET", `${ORIGIN}/assets/index-abc.js`, "cors", "shell"],
  ["GET", `${ORIGIN}/assets/other.js`, "cors", "leave"],
  ["POST", `${ORIGIN}/config.json`, "cors", "leave"],
  ["GET", "https://broker.example/wallet/v1/me", "cors", "leave"],
  ["GET", "https://broker.example/config.json", "cors", "leave"],
  ["GET", "https://broker.example/consent", "navigate", "leave"],
])("%s %s as %s: %s", (method, url, mode, expected) => {
  expect(strategyFor({ method, url, mode }, ORIGIN, SHELL)).toBe(expected);
});
