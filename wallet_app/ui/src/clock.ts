/** How wrong this phone's clock is, judged by the broker's answers. */

/** Differences below this are network delay rather than a wrong clock, in milliseconds. */
const TOLERANCE = 3_000;

/**
 * What to add to this phone's clock for the broker's, in milliseconds; 0 while the two agree, or when `response` has no readable Date.
 * `asked` and `answered`: this phone's clock around the request.
 */
export function clockError(response: Response, asked: number, answered: number): number {
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(date)) return 0;
  // A Date is cut to the second, so half a second is added.
  const difference = date + 500 - (asked + answered) / 2;
  return Math.abs(difference) > TOLERANCE ? Math.round(difference) : 0;
}
