const KEY = "skywarden-set-up-later";

/** Until the browser is closed, the first account is not asked for again. */
export function putOffSetUp(): void {
  try {
    sessionStorage.setItem(KEY, "yes");
  } catch {
    // Storage may be forbidden; the page then comes again.
  }
}

export function isSetUpPutOff(): boolean {
  try {
    return sessionStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}
