/** Pages by path, over the History API. */
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";

export type Route =
  | { readonly page: "home" | "callback" | "face" | "passes" | "consents" | "uses" }
  | { readonly page: "show"; readonly passId: string };

export function routeOf(path: string): Route {
  const [first = "", second] = path.split("/").filter(Boolean);
  if (first === "passes" && second !== undefined) return { page: "show", passId: decodeURIComponent(second) };
  const page = (["callback", "face", "passes", "consents", "uses"] as const).find((known) => known === first);
  return { page: page ?? "home" };
}

export interface Navigation {
  readonly path: string;
  go(path: string, options?: { replace?: boolean }): void;
}

export const NavigationContext = createContext<Navigation>({ path: "/", go: () => undefined });

export function useNavigation(): Navigation {
  return useContext(NavigationContext);
}

export function useHistory(): Navigation {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const onPop = (): void => setPath(location.pathname);
    addEventListener("popstate", onPop);
    return () => removeEventListener("popstate", onPop);
  }, []);
  return {
    path,
    go(next, { replace = false } = {}) {
      if (replace) history.replaceState(null, "", next);
      else history.pushState(null, "", next);
      setPath(location.pathname);
      scrollTo(0, 0);
    },
  };
}
