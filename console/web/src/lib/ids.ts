/** The end of an id, which tells resources of one kind apart; what is before it mostly does not. */
export const endOfId = (id: string): string => id.split(/[/:]/).filter(Boolean).at(-1) ?? id;

/** Whether a name is the id of a resource in a cloud. */
export const isCloudId = (name: string): boolean => name.startsWith("/subscriptions/") || name.startsWith("//") || name.startsWith("arn:");

/** Of an id of a cloud its end; what people or logs call something stays as it is. */
export const shortName = (name: string): string => (isCloudId(name) ? endOfId(name) : name);
