/** The command `permafrost serve`. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { runCommand } from '../../shared/cli/command.ts';
import { batchSizeFlag, engineFlag, headFlag, recordedWeightsFlag } from '../../shared/cli/common-flags.ts';
import { allPaths, allValues, type Flags, onePath, oneValue, textFlag } from '../../shared/cli/flags.ts';
import type { Command } from '../../shared/cli/program.ts';
import { terminalReporter } from '../../shared/cli/terminal.ts';
import { ENGINE_NAMES } from '../../shared/engines/engine.ts';
import { InputError, messageOf, usage } from '../../shared/errors.ts';
import { readHead } from '../../shared/head/record.ts';
import { codeOf } from '../../shared/store/files.ts';
import { byteSize, choice, number, wholeNumber } from '../../shared/values.ts';
import { FORM_BYTES } from './body.ts';
import { flagName } from './sites.ts';

/** Room for the images of all requests together. */
const DEFAULT_TOTAL = 256 * 2 ** 20;

const flags = {
  head: headFlag,
  port: { ...textFlag, default: '8765', description: 'Port to listen on; 0 for any that is free' },
  host: {
    ...textFlag,
    default: '127.0.0.1',
    description: 'Address to listen on; others than the default let other machines in',
  },
  'allow-host': {
    ...textFlag,
    array: true,
    description: 'Repeatable: another name that it may be called by, and whose pages may send photos',
    defaultDescription: 'localhost and --host',
  },
  'max-bytes': { ...textFlag, default: '20MB', description: 'Largest image' },
  'max-total-bytes': {
    ...textFlag,
    description: 'Bytes of all images that come in or wait to be decoded; beyond it requests get status 503',
    defaultDescription: '256MB, and at least four times --max-bytes',
  },
  'max-waiting': {
    ...textFlag,
    default: '256',
    description: 'Maximum number of waiting images; further requests get status 503',
  },
  timeout: { ...textFlag, default: '30', description: 'Seconds in which a whole request must have come' },
  'batch-size': batchSizeFlag,
  weights: recordedWeightsFlag,
  engine: engineFlag,
} as const;

/** `permafrost serve`. */
export const serveCommand: Command = {
  command: 'serve',
  describe: 'Serve a trained head over HTTP on this machine',
  builder: flags,
  mainFlag: 'head',
  handler: (argv) => runCommand((signal) => run(argv, signal), false),
};

async function run(argv: Flags, signal: AbortSignal): Promise<object> {
  const text = (flag: string): string => oneValue(argv, flag) ?? '';
  const port = number(
    'a port from 0 to 65535',
    (value) => Number.isInteger(value) && value >= 0 && value <= 65535,
  );
  // An empty one would let all other machines in.
  if (text('host') === '') throw usage('an address', '--host', '');
  const listen = { port: port.parse(text('port'), '--port'), host: text('host') };
  const settings = {
    host: listen.host,
    allowHosts: hostNames(argv),
    ...byteLimits(argv),
    maxWaiting: wholeNumber(1).parse(text('max-waiting'), '--max-waiting'),
    batchSize: wholeNumber(1).parse(text('batch-size'), '--batch-size'),
    requestTimeout: 1000 * wholeNumber(1).parse(text('timeout'), '--timeout'),
    concurrency: availableParallelism(),
  };
  const engine = choice(ENGINE_NAMES).parse(text('engine'), '--engine');
  const head = await readHead(onePath(argv, 'head')!);
  const reporter = terminalReporter();
  const [{ loadHead }, { createPredictServer }] = await Promise.all([
    import('../loaded-head.ts'),
    import('./server.ts'),
  ]);
  const loadedHead = await loadHead(head, {
    weights: allPaths(argv, 'weights'),
    engine,
    signal,
    reporter,
  });
  try {
    // The first run compiles the backbone, which no request should wait for.
    await loadedHead.predict([
      loadedHead.threads.map(({ description: { size } }) => new Uint8Array(size.width * size.height * 3)),
    ]);
    const server = createPredictServer({ ...settings, record: head.record, loadedHead, warn: reporter.warn });
    try {
      await once(server.listen(listen), 'listening', { signal });
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      throw cannotListen(listen, thrown);
    }
    const { port: given } = server.address() as AddressInfo;
    const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
    process.stdout.write(`http://${host}:${given}\n`);
    if (!signal.aborted) await once(signal, 'abort');
    reporter.info('Finishing the requests received so far');
    server.closeIdleConnections();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    return {};
  } finally {
    await loadedHead.release();
  }
}

function hostNames(argv: Flags): string[] {
  const names = allValues(argv, 'allow-host');
  const wrong = names.find((name) => flagName(name) === undefined);
  if (wrong !== undefined) throw usage('a name or an address like photos.example.org', '--allow-host', wrong);
  return names;
}

/** @throws UsageError where the largest image would never find room */
function byteLimits(argv: Flags): { maxBytes: number; maxTotalBytes: number } {
  const maxBytes = byteSize.parse(oneValue(argv, 'max-bytes') ?? '', '--max-bytes');
  const total = oneValue(argv, 'max-total-bytes');
  if (total === undefined) return { maxBytes, maxTotalBytes: Math.max(DEFAULT_TOTAL, 4 * maxBytes) };
  const maxTotalBytes = byteSize.parse(total, '--max-total-bytes');
  if (maxTotalBytes < maxBytes + FORM_BYTES)
    throw usage('at least --max-bytes and 64 KB for a form', '--max-total-bytes', total);
  return { maxBytes, maxTotalBytes };
}

const LISTEN_REASONS: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'another program uses this port; --port 0 takes one that is free'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
  ['EACCES', 'no permission to use this port'],
  ['ENOTFOUND', 'no such host'],
]);

function cannotListen({ host, port }: { host: string; port: number }, thrown: unknown): InputError {
  const reason = LISTEN_REASONS.get(codeOf(thrown)) ?? messageOf(thrown);
  return new InputError(`Cannot listen on ${host}:${port}: ${reason}`);
}
