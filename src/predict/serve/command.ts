/** The command `permafrost serve`. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { runCommand } from '../../shared/cli/command.ts';
import { type Flags, readFlags } from '../../shared/cli/flags.ts';
import type { Command } from '../../shared/cli/program.ts';
import { terminalReporter } from '../../shared/cli/terminal.ts';
import { InputError, messageOf, usage } from '../../shared/errors.ts';
import { readHead } from '../../shared/head/record.ts';
import { codeOf } from '../../shared/store/files.ts';
import { byteSize } from '../../shared/values.ts';
import { FORM_BYTES } from './body.ts';
import { SERVE_OPTIONS } from './options.ts';

/** Room for the images of all requests together. */
const DEFAULT_TOTAL = 256 * 2 ** 20;

/** `permafrost serve`. */
export const serveCommand: Command = {
  command: 'serve',
  describe: 'Serve a trained head over HTTP on this machine',
  options: SERVE_OPTIONS,
  mainFlag: 'head',
  handler: (argv) => runCommand((signal) => run(argv, signal), false),
};

async function run(argv: Flags, signal: AbortSignal): Promise<object> {
  const {
    head: folder,
    port,
    host: address,
    weights = [],
    engine,
    timeout,
    ...values
  } = readFlags(SERVE_OPTIONS, argv);
  const listen = { port, host: address };
  const settings = {
    host: address,
    allowHosts: values.allowHost ?? [],
    maxBytes: values.maxBytes,
    maxTotalBytes: totalBytes(values),
    maxWaiting: values.maxWaiting,
    batchSize: values.batchSize,
    requestTimeout: 1000 * timeout,
    concurrency: availableParallelism(),
  };
  const head = await readHead(folder);
  const reporter = terminalReporter();
  const [{ loadHead }, { createPredictServer }] = await Promise.all([
    import('../loaded-head.ts'),
    import('./server.ts'),
  ]);
  const loadedHead = await loadHead(head, { weights, engine, signal, reporter });
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

/** @throws UsageError where the largest image would never find room */
function totalBytes({
  maxBytes,
  maxTotalBytes,
}: {
  maxBytes: number;
  maxTotalBytes: number | undefined;
}): number {
  if (maxTotalBytes === undefined) return Math.max(DEFAULT_TOTAL, 4 * maxBytes);
  if (maxTotalBytes < maxBytes + FORM_BYTES)
    throw usage(
      'at least --max-bytes and 64 KB for a form',
      '--max-total-bytes',
      byteSize.format(maxTotalBytes),
    );
  return maxTotalBytes;
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
