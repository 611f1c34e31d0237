/** A refusal by the broker (RFC 9457), and the network's silence, as errors that pages can put into words. */

export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    readonly status: number,
    /** A reason code of the closed vocabulary, or the problem type's last word, or the OAuth error, or "unknown". */
    readonly reason: string,
    readonly detail: string,
  ) {
    super(`${status} ${reason}`);
  }
}

/** The broker answered with something that the wallet API does not define. */
export class UnexpectedAnswer extends Error {
  override readonly name = "UnexpectedAnswer";
}

export async function problemOf(response: Response): Promise<Problem> {
  let body: unknown = null;
  try {
    body = await response.json();
  } catch {
    // A proxy's page in place of a problem: the status is what there is.
  }
  const members = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const { reason, type, detail, error } = members;
  const word = typeof type === "string" ? (type.split(/[/:#]/).at(-1) ?? "").replaceAll("-", "_") : "";
  return new Problem(
    response.status,
    typeof reason === "string" ? reason : word !== "" && word !== "blank" ? word : typeof error === "string" ? error : "unknown",
    typeof detail === "string" ? detail : "",
  );
}

/** Whether nothing came back at all: no signal, or no broker. `fetch` says so with a bare TypeError; oauth4webapi's own carry a code. */
export function isOffline(error: unknown): boolean {
  return error instanceof TypeError && !("code" in error);
}
