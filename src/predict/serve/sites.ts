/** Which names the server answers to, and whose pages may send it photos: what keeps other web sites out. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { shown } from '../../shared/errors.ts';
import { Refusal } from './refusal.ts';

/** Names of this machine that no web site can take. */
const LOCAL = ['localhost', '127.0.0.1', '::1'];

/** `[::1]:80`, `localhost:80.` or `EXAMPLE.org` as a name to compare; undefined for what is none. */
function hostName(host: string): string | undefined {
  const [, address, name] = /^(?:\[([^\]]*)\]|([^\s:[\]/@]+))(?::\d*)?$/.exec(host.trim()) ?? [];
  return (address ?? name)?.toLowerCase().replace(/\.$/, '');
}

/** A name or an address as a flag has it: `::1` needs no brackets there. */
export function flagName(text: string): string | undefined {
  return isIP(text) ? text.toLowerCase() : hostName(text);
}

/**
 * Returns a check of a request's Host (a web site whose name was rebound to this machine sends its own) and, where it
 * sends something, of the page it comes from.
 * @param host that the server listens on
 * @param allowHosts further names it may be called by, and whose pages may send photos
 */
export function createSiteCheck(
  host: string,
  allowHosts: readonly string[],
): (request: IncomingMessage) => void {
  const allowed = new Set(allowHosts.map(flagName));
  const own = new Set([...LOCAL, flagName(host)]);
  /** An address that a connection came to is the server's, whatever it listens on. */
  const isOwn = (name: string, { socket }: IncomingMessage) =>
    own.has(name) || (isIP(name) > 0 && name === socket.localAddress?.replace(/^::ffff:/, ''));

  const checkHost = (request: IncomingMessage): void => {
    const { host: given = '' } = request.headers;
    const name = hostName(given);
    if (name !== undefined && (allowed.has(name) || isOwn(name, request))) return;
    throw new Refusal(
      403,
      `Expected this server's name as Host but received ${shown(given)} (--allow-host adds names)`,
    );
  };

  const isFromHere = (origin: string, request: IncomingMessage): boolean => {
    if (!URL.canParse(origin)) return false;
    const { host: place, hostname, port, protocol } = new URL(origin);
    if (protocol !== 'http:' && protocol !== 'https:') return false;
    const name = hostName(hostname);
    if (name === undefined) return false;
    if (allowed.has(name) || place === request.headers.host?.toLowerCase()) return true;
    return isOwn(name, request) && Number(port || 80) === request.socket.localPort;
  };

  const checkOrigin = (request: IncomingMessage): void => {
    const { origin } = request.headers;
    const site = request.headers['sec-fetch-site'];
    if (origin === undefined ? site !== 'cross-site' : isFromHere(origin, request)) return;
    const from = origin === undefined ? 'another site' : shown(origin);
    throw new Refusal(
      403,
      `Expected photos from this server's own page but received one from ${from} (--allow-host adds sites)`,
    );
  };

  return (request) => {
    checkHost(request);
    if (request.method !== 'GET' && request.method !== 'HEAD') checkOrigin(request);
  };
}
