/** Marks what the scans of Skywarden do not judge. */
export const CustomTag = () => <span className="tag" title="Described and judged by a client through the API">Custom</span>;
