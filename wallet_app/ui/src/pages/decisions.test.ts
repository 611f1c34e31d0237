import { describe, expect, test } from "vitest";
import { Problem, problemOf, UnexpectedAnswer } from "../api/problem";
import { list, optional, record, text, time } from "../api/shape";
import type { Consent, Me, Offer } from "../api/wallet";
import { fit, portraitCrop } from "../capture/photo";
import { consentAddress } from "../consent-page";
import { translator } from "../i18n";
import { routeOf } from "../router";
import { json } from "../testing/fake-broker";
import { explain } from "../wallet";
import { openOffers } from "./consents";
import { nextStep } from "./home";
import { missingPurpose } from "./passes";

const me: Me = { traveller: "t", provider: "iamsmart", enrolled: true, name: null };
const given = (purpose: string, zone: string | null, status: Consent["status"] = "active"): Consent => ({
  consent_id: `${purpose}-${zone}`,
  purpose,
  title: purpose,
  zone,
  recipient: "",
  status,
  given_at: 0,
  valid_until: 1,
  settled_at: null,
  latest_offline_effect: null,
  kind: "travel",
  categories: ["Face template"],
  frequency: null,
  retention: null,
});
const offer: Offer = {
  purposes: [
    { purpose: "face-enrolment", title: "", description: "", per_zone: false },
    { purpose: "e-channel", title: "", description: "", per_zone: true },
  ],
  zones: ["HK-SZB", "MO-HZB"].map((zone) => ({ zone, name: zone, controller: "" })),
};

describe("the next step", () => {
  test("is the face, then a consent, then a pass, then nothing", () => {
    expect(nextStep({ ...me, enrolled: false }, [], 0)?.to).toBe("/face");
    expect(nextStep(me, [given("face-enrolment", null)], 0)?.to).toBe("/consents");
    expect(nextStep(me, [given("e-channel", "HK-SZB")], 0)?.to).toBe("/passes");
    expect(nextStep(me, [given("e-channel", "HK-SZB")], 1)).toBeNull();
  });
});

describe("what a pass still needs", () => {
  test("is agreed to per zone and kind", () => {
    const consents = [given("e-channel", "HK-SZB"), given("offline-pass", "MO-HZB"), given("e-channel", "CN-SZB", "withdrawn")];
    expect(missingPurpose(consents, "HK-SZB", "online")).toBeNull();
    expect(missingPurpose(consents, "HK-SZB", "offline")).toBe("offline-pass");
    expect(missingPurpose(consents, "MO-HZB", "offline")).toBe("e-channel");
    expect(missingPurpose(consents, "CN-SZB", "online")).toBe("e-channel");
  });
});

test("what can be agreed to leaves out what has been", () => {
  const open = openOffers(offer, [given("face-enrolment", null), given("e-channel", "HK-SZB")]);
  expect(open.map(({ purpose, zones }) => [purpose.purpose, zones.map((zone) => zone?.zone)])).toEqual([["e-channel", ["MO-HZB"]]]);
  expect(openOffers(offer, []).map(({ zones }) => zones.length)).toEqual([1, 2]);
});

test("the consent page is the broker's, and comes back to the wallet", () => {
  const address = consentAddress({ broker: "https://b.example", clientId: "w" }, "https://w.example", { purpose: "e-channel", zone: "HK-SZB", traveller: "t-1", language: "pt" });
  expect(address).toBe("https://b.example/consent?purpose=e-channel&zone=HK-SZB&traveller=t-1&return_to=https%3A%2F%2Fw.example%2Fconsents&lang=pt");
});

test.each([
  ["/", { page: "home" }],
  ["/callback", { page: "callback" }],
  ["/passes/ab%2F12", { page: "show", passId: "ab/12" }],
  ["/passes", { page: "passes" }],
  ["/elsewhere", { page: "home" }],
])("%s", (path, route) => expect(routeOf(path)).toEqual(route));

test.each([
  [4000, 3000, 1280, 960],
  [3000, 4000, 960, 1280],
  [640, 480, 640, 480],
  [10_000, 1, 1280, 1],
])("a photograph of %i x %i becomes %i x %i", (width, height, w, h) => {
  expect(fit(width, height)).toEqual({ width: w, height: h });
});

test.each([
  [1280, 960, { x: 280, y: 0, width: 720, height: 960 }],
  [720, 1280, { x: 0, y: 160, width: 720, height: 960 }],
  [480, 640, { x: 0, y: 0, width: 480, height: 640 }],
])("of a camera of %i x %i the viewfinder shows %j", (width, height, area) => {
  expect(portraitCrop(width, height)).toEqual(area);
});

describe("refusals in words", () => {
  const t = translator("en");
  test.each([
    [new Problem(422, "no_face", ""), "reason.no_face"],
    [new Problem(403, "consent_missing", ""), "reason.consent_missing"],
    [new Problem(413, "body_too_large", ""), "reason.too_large"],
    [new Problem(503, "unknown", ""), "reason.busy"],
    [new Problem(400, "never_heard_of", ""), "reason.unknown"],
    [new TypeError("Failed to fetch"), "reason.offline"],
    [new UnexpectedAnswer("x"), "reason.unknown"],
  ] as const)("%s", (error, key) => expect(explain(t, error)).toBe(t(key)));

  test("a problem's reason wins over its type, and a page in its place is survived", async () => {
    expect((await problemOf(json({ type: "urn:tongguan:problem:not-enrolled", reason: "no_face" }, 422))).reason).toBe("no_face");
    expect((await problemOf(json({ type: "urn:tongguan:problem:consent-missing" }, 403))).reason).toBe("consent_missing");
    expect((await problemOf(new Response("<html>", { status: 502 }))).reason).toBe("unknown");
  });
});

describe("answers of the API", () => {
  const shape = record<{ at: number; names: readonly string[]; note: string | null }>({ at: time, names: list(text), note: optional(text) });
  test("are read, unknown members left out", () => {
    expect(shape({ at: "2026-03-01T08:00:00Z", names: ["a"], more: 1 }, "x")).toEqual({ at: 1772352000000, names: ["a"], note: null });
  });
  test.each([[null], [{ at: "2026-03-01T08:00:00", names: [] }], [{ at: 5, names: [] }], [{ at: "2026-03-01T08:00:00Z", names: "a" }]])(
    "%j is refused",
    (value) => expect(() => shape(value, "x")).toThrow(UnexpectedAnswer),
  );
});
