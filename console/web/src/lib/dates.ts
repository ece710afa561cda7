const pad = (number: number): string => String(number).padStart(2, "0");

/** The day after `now` where the user is, as a date field takes it. */
export function tomorrow(now = new Date()): string {
  const next = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
  return `${next.getFullYear()}-${pad(next.getMonth() + 1)}-${pad(next.getDate())}`;
}

/** An exemption until a day holds through the whole of it. */
export const endOfDay = (day: string): string => new Date(`${day}T23:59:59`).toISOString();
