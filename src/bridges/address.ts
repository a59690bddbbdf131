/** Addresses of other machines: which can be used at all, and to which of them a token may be sent. */

interface AddressUse {
  /** Nothing is to be sent there that nobody else may read. */
  readonly withoutToken?: boolean;
}

/** An address without a slash at its end; undefined where it can't be used, or be given a token, which is added to `problems`. */
export function addressOf(
  given: unknown,
  what: string,
  problems: string[],
  { withoutToken = false }: AddressUse = {},
): string | undefined {
  const url = typeof given === "string" && URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    problems.push(`The ${what} is not an address such as "https://example.com".`);
    return undefined;
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    problems.push(`The ${what} has more than a host and a path.`);
    return undefined;
  }
  if (url.protocol === "http:" && !withoutToken && !isLoopback(url.hostname)) {
    problems.push(`The ${what} is not https: a token would go over the network in the open.`);
    return undefined;
  }
  return url.href.replace(/\/+$/, "");
}

/** Whether what is sent there stays on this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}
