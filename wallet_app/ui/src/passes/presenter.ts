/** What the phone shows at the gate: the pass with a proof for the current 15 s window. */
import type { StoredPass } from "../store/database";
import { counterAt, signProof, windowEnd } from "../wire/device-proof";
import { qrText } from "../wire/qr-text";

export interface Presentation {
  readonly text: string;
  /** Milliseconds since 1970 UTC on this phone's clock: show the next one then. */
  readonly until: number;
}

/** The broker's time, as well as this phone knows it. */
export function gateTime(pass: StoredPass, now: number): number {
  return now + pass.clockOffset;
}

/** Raises RangeError once the pass has expired. */
export async function present(pass: StoredPass, now: number): Promise<Presentation> {
  const at = gateTime(pass, now);
  if (at >= pass.expiresAt) throw new RangeError("the pass has expired");
  const counter = counterAt(at);
  const proof = await signProof(pass.key, pass.pass, counter);
  const text = qrText({ pass: pass.pass, counter, proof, sealed: pass.sealed });
  return { text, until: windowEnd(counter) - pass.clockOffset };
}
