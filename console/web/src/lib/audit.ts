/** Whether a change was made; every other outcome says why it was not. */
export const isDone = (outcome: string): boolean => outcome.trim().toLowerCase() === "succeeded";

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The installation itself does things too, and has no page. */
export const isPrincipalId = (id: string): boolean => GUID.test(id);
