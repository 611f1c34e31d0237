/** The present moment for pages that count down, and whether the phone has a connection. */
import { useEffect, useState } from "preact/hooks";

/** `now()` again every `period` milliseconds while the page is visible. */
export function useNow(now: () => number, period: number): number {
  const [at, setAt] = useState(now);
  useEffect(() => {
    const tick = (): void => setAt(now());
    const timer = setInterval(tick, period);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, [now, period]);
  return at;
}

export function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = (): void => setOnline(navigator.onLine);
    addEventListener("online", look);
    addEventListener("offline", look);
    return () => {
      removeEventListener("online", look);
      removeEventListener("offline", look);
    };
  }, []);
  return online;
}
