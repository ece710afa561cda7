import type { Unreadable, UnreadableReason } from "../api/types";

/** One step of `properties.files['/etc/x'].mode` or `properties.a[0].b`. */
export function splitPath(path: string): string[] {
  const steps: string[] = [];
  const pattern = /\['((?:[^'\\]|\\.|'')*)'\]|\[(\d+|\*)\]|([^.[\]]+)/g;
  for (const match of path.matchAll(pattern)) steps.push(match[1] ?? match[2] ?? match[3] ?? "");
  return steps;
}

/** Unreadable fields by the step below a place in a tree, so that the tree can show what is missing from it. */
export interface UnreadableTree {
  reason?: UnreadableReason;
  children: Map<string, UnreadableTree>;
}

/** How many fields at and below a place could not be read. */
export function countUnread(tree: UnreadableTree): number {
  let count = tree.reason ? 1 : 0;
  for (const below of tree.children.values()) count += countUnread(below);
  return count;
}

export function unreadableTree(fields: readonly Unreadable[]): UnreadableTree {
  const root: UnreadableTree = { children: new Map() };
  for (const { field, reason } of fields) {
    let place = root;
    for (const step of splitPath(field)) {
      const next = place.children.get(step) ?? { children: new Map() };
      place.children.set(step, next);
      place = next;
    }
    place.reason = reason;
  }
  return root;
}
