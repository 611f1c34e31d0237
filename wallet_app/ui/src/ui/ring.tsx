/** A countdown: a ring that empties, with the seconds inside. */
import { WINDOW } from "../wire/device-proof";

const RADIUS = 20;
const LENGTH = 2 * Math.PI * RADIUS;

/** `left`: milliseconds until the next code. */
export function Ring({ left, label }: { left: number; label: string }) {
  const share = Math.min(1, Math.max(0, left / (WINDOW * 1000)));
  return (
    <div class="ring" role="timer" aria-label={label}>
      <svg viewBox="0 0 48 48" aria-hidden="true">
        <circle class="track" cx="24" cy="24" r={RADIUS} />
        <circle class="rest" cx="24" cy="24" r={RADIUS} stroke-dasharray={`${LENGTH}`} stroke-dashoffset={`${LENGTH * (1 - share)}`} />
      </svg>
      <span aria-hidden="true">{Math.ceil(left / 1000)}</span>
    </div>
  );
}
