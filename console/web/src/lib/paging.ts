/** Cursors only lead forward, so the ones already followed are kept to get back. */
export interface Trail {
  /** Cursors of the pages up to the present one; the first page has none. */
  cursors: readonly string[];
}

export const START: Trail = { cursors: [] };

export const cursorOf = (trail: Trail): string | undefined => trail.cursors.at(-1);
export const forward = (trail: Trail, next: string): Trail => ({ cursors: [...trail.cursors, next] });
export const back = (trail: Trail): Trail => ({ cursors: trail.cursors.slice(0, -1) });

/** The numbers, counted from 1, of the first and last row shown; `undefined` where the page is empty. */
export function shownRows(trail: Trail, limit: number, count: number): { first: number; last: number } | undefined {
  if (count === 0) return undefined;
  const first = trail.cursors.length * limit + 1;
  return { first, last: first + count - 1 };
}
