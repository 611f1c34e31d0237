/** Keeps the screen on while a code is shown (Screen Wake Lock API). */
import { useEffect, useState } from "preact/hooks";

/** Whether the browser cannot do it. A lock ends when the page is hidden, so it is asked for again on return. */
export function useWakeLock(): { unavailable: boolean } {
  const [unavailable, setUnavailable] = useState(!("wakeLock" in navigator));
  useEffect(() => {
    if (!("wakeLock" in navigator)) return undefined;
    let lock: WakeLockSentinel | null = null;
    let over = false;
    const ask = async (): Promise<void> => {
      if (document.visibilityState !== "visible") return;
      try {
        const held = await navigator.wakeLock.request("screen");
        if (over) await held.release();
        else lock = held;
      } catch {
        setUnavailable(true); // low battery, or a policy: the code shows all the same
      }
    };
    const again = (): void => void ask();
    again();
    document.addEventListener("visibilitychange", again);
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", again);
      void lock?.release();
    };
  }, []);
  return { unavailable };
}
