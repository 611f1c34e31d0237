/** Registers the service worker; without one the wallet works online only. */

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

export async function registerWorker(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes };
  const only = (url: string): string => {
    if (url !== "/sw.js") throw new TypeError("no other script is loaded by address");
    return url;
  };
  const policy = trustedTypes?.createPolicy("tongguan", { createScriptURL: only });
  try {
    await navigator.serviceWorker.register(policy?.createScriptURL("/sw.js") ?? "/sw.js");
  } catch (error) {
    console.warn("No service worker, so passes will not show offline", error);
  }
}
