/** What went wrong with a request, in words for a person. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Each of several mistakes in what was sent. */
    readonly details: readonly Mistake[] = [],
    /** Seconds after which another try is taken. */
    readonly retryAfter?: number,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export interface Mistake {
  line: number;
  column: number;
  message: string;
  help?: string | null;
}

type Parameters = Record<string, string | number | undefined>;

/** The address of a route; parameters that are empty are left out. */
export function address(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return `/api/v1${path}${text ? `?${text}` : ""}`;
}

/** A body that is sent as it is. */
class Text {
  constructor(readonly text: string) {}
}

/** A body as it goes over the wire. */
function asSent(body: unknown): { type: string; content: BodyInit } {
  if (body instanceof Blob) return { type: "application/octet-stream", content: body };
  if (body instanceof Text) return { type: "text/plain; charset=utf-8", content: body.text };
  return { type: "application/json", content: JSON.stringify(body) };
}

async function request<T>(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const sent = body === undefined ? undefined : asSent(body);
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      signal,
      credentials: "same-origin",
      headers: { accept: "application/json", ...(sent ? { "content-type": sent.type } : {}) },
      body: sent?.content,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "Unreachable", "The server does not answer. Check that Skywarden is running, then try again.");
  }
  if (!response.ok) throw await failure(response);
  // Done, or on its way: neither has a body.
  if (response.status === 204 || response.status === 202) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(response.status, "BadAnswer", "The server sent an answer that is not JSON. Look at its log.");
  }
}

async function failure(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
  try {
    const { error } = (await response.json()) as { error: { code: string; message: string; details?: Mistake[] } };
    return new ApiError(response.status, error.code, error.message, error.details, retryAfter);
  } catch {
    return new ApiError(response.status, "HttpError", `The server answered with HTTP ${response.status}.`, [], retryAfter);
  }
}

export const api = {
  get: <T>(path: string, parameters?: Parameters, signal?: AbortSignal) =>
    request<T>("GET", address(path, parameters), undefined, signal),
  post: <T>(path: string, body?: unknown) => request<T>("POST", address(path), body),
  put: <T>(path: string, body: unknown) => request<T>("PUT", address(path), body),
  patch: <T>(path: string, body: unknown) => request<T>("PATCH", address(path), body),
  putText: <T>(path: string, text: string) => request<T>("PUT", address(path), new Text(text)),
  /** Sends a file as it is. */
  send: <T>(path: string, parameters: Parameters, file: Blob) => request<T>("POST", address(path, parameters), file),
  remove: (path: string, parameters?: Parameters) => request<void>("DELETE", address(path, parameters)),
};

/** Azure Resource Manager's own routes; `path` is an ARM id, whose parts are escaped here. */
export const arm = {
  get: <T>(path: string, version: string, signal?: AbortSignal) => request<T>("GET", armAddress(path, version), undefined, signal),
  put: <T>(path: string, version: string, body: unknown) => request<T>("PUT", armAddress(path, version), body),
  post: <T>(path: string, version: string, body: unknown) => request<T>("POST", armAddress(path, version), body),
  remove: (path: string, version: string) => request<void>("DELETE", armAddress(path, version)),
};

const armAddress = (path: string, version: string): string =>
  `${path.split("/").map(encodeURIComponent).join("/")}?api-version=${encodeURIComponent(version)}`;
