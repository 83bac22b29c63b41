/** The built `permafrost doctor`. */
import { expect, it } from 'vitest';
import { permafrost } from '../support/command.ts';

interface Report {
  package: string;
  usable: boolean;
  reason: string | null;
  imagesPerSecond: number | null;
}

it('finds the engines of this machine, each in a process of its own', async () => {
  const { status, stdout, summary } = await permafrost(['doctor', '--seconds', '0', '--json']);
  expect(status).toBe(0);
  expect(stdout).toContain('--engine auto uses');
  const engines = new Map((summary.engines as Report[]).map((engine) => [engine.package, engine]));
  expect(engines.get('onnxruntime-node')?.usable).toBe(true);
  expect(engines.get('@tensorflow/tfjs-backend-wasm')?.usable).toBe(true);
  for (const { usable, reason, imagesPerSecond } of engines.values()) {
    expect(usable).toBe(reason === null);
    expect(imagesPerSecond).toBeNull();
  }
});

it('refuses a time that is none', async () => {
  const { status, stderr } = await permafrost(['doctor', '--seconds', 'long']);
  expect(status).toBe(2);
  expect(stderr).toContain('Expected a number of seconds from 0 to 600 for --seconds but received "long"');
});
