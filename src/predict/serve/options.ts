/** The options of serve. */
import { ENGINE_OPTIONS } from '../../shared/engines/options.ts';
import { usage } from '../../shared/errors.ts';
import { TRAINED_HEAD_OPTIONS } from '../../shared/head/trained-head.ts';
import type { OptionTable } from '../../shared/options.ts';
import { byteSize, list, type ValueKind, wholeNumber, wording } from '../../shared/values.ts';
import { flagName } from './sites.ts';

const { head, weights } = TRAINED_HEAD_OPTIONS;
const { batchSize, engine } = ENGINE_OPTIONS;

const hostName: ValueKind<string> = {
  ...wording('a name or an address like photos.example.org'),
  parse(text, where) {
    if (flagName(text) === undefined) throw usage(hostName.what, where, text);
    return text;
  },
};

export const SERVE_OPTIONS = {
  head,
  port: {
    kind: wholeNumber(0, 65535, 'a port'),
    description: 'Port to listen on; 0 for any that is free',
    default: 8765,
  },
  host: {
    // An empty one would let all other machines in.
    kind: wording('an address'),
    description: 'Address to listen on; the default accepts connections from this machine only',
    default: '127.0.0.1',
  },
  allowHost: {
    kind: list(hostName),
    description: 'Another host name that the server accepts, and whose pages may send photos; repeatable',
    defaultText: 'localhost and --host',
  },
  maxBytes: { kind: byteSize, description: 'Largest image', default: 20 * 2 ** 20 },
  maxTotalBytes: {
    kind: byteSize,
    description:
      'Maximum bytes of all images that are being received or wait to be decoded; further requests get status 503',
    defaultText: '256MB, and at least four times --max-bytes',
  },
  maxWaiting: {
    kind: wholeNumber(1),
    description: 'Maximum number of waiting images; further requests get status 503',
    default: 256,
  },
  timeout: {
    kind: wholeNumber(1),
    description: 'Seconds within which a whole request must arrive',
    default: 30,
  },
  batchSize,
  weights,
  engine,
} satisfies OptionTable;
