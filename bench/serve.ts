/** `permafrost serve` under load: tsx bench/serve.ts HEAD PHOTO [SECONDS]; 200 requests at a time, for 30 s by default. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';

const [head, photo, seconds = '30'] = process.argv.slice(2);
if (!head || !photo) throw new Error('Expected a head and a photo');
const AT_ONCE = 200;
const ALONE = 20;
const body = readFileSync(photo);
const program = fileURLToPath(new URL('../dist/permafrost.js', import.meta.url));
const server = spawn(process.execPath, [program, 'serve', '--head', head, '--port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [line] = await once(server.stdout, 'data');
const url = `${String(line).trim()}/predict`;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

/** Milliseconds until the answer, or nothing where it is no answer. */
function ask(): Promise<number | undefined> {
  const started = performance.now();
  return new Promise((resolve) => {
    const call = request(url, { method: 'POST', agent }, (response) => {
      response.resume().on('end', () => {
        resolve(response.statusCode === 200 ? performance.now() - started : undefined);
      });
    });
    call.on('error', () => resolve(undefined)).end(body);
  });
}

function megabytes(): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const alone: number[] = [];
for (let i = 0; i < ALONE; i++) alone.push((await ask()) ?? Number.NaN);
const one = median(alone);

const memory = [megabytes()];
const times: number[] = [];
let errors = 0;
const end = performance.now() + Number(seconds) * 1000;
const half = setTimeout(() => memory.push(megabytes()), (Number(seconds) * 1000) / 2);
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (performance.now() < end) {
      const time = await ask();
      if (time === undefined) errors++;
      else times.push(time);
    }
  }),
);
clearTimeout(half);
memory.push(megabytes());
const p95 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)];
console.log(`${times.length} answers (${(times.length / Number(seconds)).toFixed(0)}/s), ${errors} errors`);
console.log(
  `one request alone ${one.toFixed(1)} ms (median of ${ALONE}), x ${AT_ONCE} = ${(one * AT_ONCE).toFixed(0)} ms`,
);
console.log(`p95 ${p95.toFixed(0)} ms: ${(p95 / one / AT_ONCE).toFixed(2)} times that (expected: at most 3)`);
console.log(`memory of the server before, halfway, after: ${memory.join(', ')} MB`);
agent.destroy();
server.kill('SIGTERM');
const [status] = await once(server, 'exit');
if (errors > 0 || status !== 0 || p95 > 3 * one * AT_ONCE) process.exitCode = 1;
