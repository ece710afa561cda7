/** Stands for the console's own address, which is not needed to judge a path. */
const ORIGIN = "https://console.invalid";
/** Pages that are used without a session, and the address that `up` prints. */
const OUTSIDE = ["/sign-in", "/set-password", "/set-up", "/login"];
const KEY = "skywarden-return";

export const isOutside = (pathname: string): boolean => OUTSIDE.some((path) => pathname === path || pathname.startsWith(`${path}/`));

/** Where to go after signing in: a place of this console, or `/` for whatever else was asked for. */
export function returnPath(text: string | null | undefined): string {
  // Browsers take a backslash for a slash, and leave out tabs and line breaks: `/\evil` and `/<tab>/evil` would lead away.
  if (!text?.startsWith("/") || /[\\\u0000-\u001f\u007f]/.test(text)) return "/";
  let url: URL;
  try {
    url = new URL(text, ORIGIN);
  } catch {
    return "/";
  }
  if (url.origin !== ORIGIN || url.pathname.startsWith("//") || isOutside(url.pathname)) return "/";
  return `${url.pathname}${url.search}${url.hash}`;
}

/** The sign-in page, which leads back to a place. */
export function signInPath(place: { pathname: string; search: string; hash: string }): string {
  const back = returnPath(`${place.pathname}${place.search}${place.hash}`);
  return back === "/" ? "/sign-in" : `/sign-in?return=${encodeURIComponent(back)}`;
}

/** Identity providers lead back to `/`, so the place is kept until then. */
export function keepReturn(path: string): void {
  try {
    sessionStorage.setItem(KEY, path);
  } catch {
    // Storage may be forbidden; one then lands on the overview.
  }
}

export function takeReturn(): string {
  try {
    const path = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    return returnPath(path);
  } catch {
    return "/";
  }
}
