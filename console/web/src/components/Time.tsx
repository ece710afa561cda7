import { formatDate, formatFull, formatTime } from "../lib/format";

/** A moment in the reader's zone; the whole of it, with the zone, is in the tooltip. */
export const Time = ({ at }: { at: string }) => <time dateTime={at} title={formatFull(at)}>{formatTime(at)}</time>;

/** The day of a moment, for where the hour hardly matters. */
export const Day = ({ at }: { at: string }) => <time dateTime={at} title={formatFull(at)}>{formatDate(at)}</time>;
