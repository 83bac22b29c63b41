/** Choosing, downloading and cutting backbones with the built command. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, permafrost, STACK_TRACE } from '../support/command.ts';
import { newFolder } from '../support/folders.ts';
import { writeSeededFile } from '../support/seeded-weights-file.ts';

const folder = newFolder();
const photos = join(folder, 'photos');

beforeAll(async () => {
  for (const [index, name] of ['dark/a.png', 'dark/b.png', 'light/c.png', 'light/d.png'].entries()) {
    mkdirSync(join(photos, name, '..'), { recursive: true });
    const background = { r: 50 * index, g: 40, b: 90 };
    await sharp({ create: { width: 40, height: 30, channels: 3, background } }).toFile(join(photos, name));
  }
});

describe('permafrost backbones', () => {
  it('lists all, one a line, and as JSON', async () => {
    const { status, stdout } = await permafrost(['backbones']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ resnet50 +224x224 +2048 +23\.6 M +3\.86 G +BGR, minus/m);
    const [own, fromHub] = stdout.trimEnd().split('\n\n');
    expect(own.split('\n')).toHaveLength(1 + 53);
    expect(fromHub.split('\n')).toHaveLength(1 + 11);
    expect(fromHub).toMatch(/^ dinov2_small +onnx-community\/dinov2-small +768 +cls\+mean/m);
    const { summary } = await permafrost(['backbones', '--json']);
    expect(summary.backbones).toContainEqual(
      expect.objectContaining({ name: 'convnext_xlarge', parameters: 348147968, dimension: 2048, size: 224 }),
    );
  });

  it('describes one: numbers, weights file, layers', async () => {
    const { status, stdout } = await permafrost(['backbones', 'NASNetMobile']);
    expect(status).toBe(0);
    expect(stdout).toContain('parameters     4269716');
    expect(stdout).toContain('nasnet_mobile_no_top.h5, downloaded from https://');
    expect(stdout).toContain('depths         normal_concat_3 (264), normal_concat_8 (528), last (1056)\n');
    expect(stdout).toContain('    normal_concat_8  14x14x528\n');
  });

  it('names the near ones for a name it does not know', async () => {
    const { status, stderr } = await permafrost(['backbones', 'resnet51']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^Unknown backbone "resnet51" \(did you mean/);
  });
});

/** Runs the built command without stopping this process's own server from answering. */
function extract(args: string[], environment: Record<string, string> = {}): Promise<Outcome> {
  const program = fileURLToPath(new URL('../../dist/permafrost.js', import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, 'extract', '--data', photos, '--json', ...args], {
      env: { ...process.env, ...environment },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('close', (status) =>
      resolve({ status, stdout, stderr, summary: status === 0 ? JSON.parse(stdout) : {} }),
    );
  });
}

const manifest = (out: string) => JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));

describe('permafrost extract', () => {
  it('stores intermediate layers and the last one side by side', async () => {
    const out = join(folder, 'layers');
    const cut = [
      '--backbone',
      'mobilenet_0.25',
      '--size',
      '64x48',
      '--weights',
      'none',
      '--pooling',
      'avg,max',
    ];
    const done = await extract([...cut, '--layer', 'conv_pw_8_relu,avg_pool', '--out', out]);
    expect(done.stderr).not.toMatch(STACK_TRACE);
    expect(done.status).toBe(0);
    expect(manifest(out).columns).toEqual([
      { name: 'conv_pw_8_relu/avg', dimension: 128 },
      { name: 'conv_pw_8_relu/max', dimension: 128 },
      { name: 'avg', dimension: 256 },
    ]);
    const unknown = await extract([...cut, '--layer', 'conv_pw_88_relu', '--out', out]);
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toContain('"conv_pw_88_relu" (did you mean conv_pw_8_relu');
    const twice = await extract([...cut, '--layer', 'avg_pool,avg_pool', '--out', out]);
    expect(twice.stderr).toContain('Expected each layer once for --layer but received "avg_pool,avg_pool"');
  });

  it('downloads published weights once, and says where to put them when it cannot', async () => {
    const file = join(folder, 'published.h5');
    await writeSeededFile(file, 'mobilenet_0.25');
    const requests: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      requests.push(request.url);
      response.end(readFileSync(file));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const home = {
      XDG_CACHE_HOME: folder,
      LOCALAPPDATA: folder,
      HOME: folder,
      PERMAFROST_WEIGHTS_URL: mirror,
    };
    const args = ['--backbone', 'mobilenet_0.25', '--size', '64x48'];

    const first = await extract([...args, '--out', join(folder, 'first')], home);
    expect(first.status).toBe(0);
    expect(first.stderr).toContain(`downloading ${mirror}/mobilenet_2_5_224_tf_no_top.h5`);
    const second = await extract([...args, '--out', join(folder, 'second')], home);
    expect(second.status).toBe(0);
    expect(requests).toEqual(['/mobilenet_2_5_224_tf_no_top.h5']);
    await new Promise((resolve) => server.close(resolve));

    // The file holds the numbers of --weights none, so that features must be the same.
    const seeded = await extract([...args, '--weights', 'none', '--out', join(folder, 'seeded')]);
    expect(seeded.status).toBe(0);
    const hash = (out: string) => manifest(join(folder, out)).pipeline.weightsHash;
    expect(hash('first')).toBe(hash('seeded'));

    const offline = await extract(['--backbone', 'vgg16', '--out', join(folder, 'none')], {
      ...home,
      PERMAFROST_WEIGHTS_URL: 'http://127.0.0.1:9',
    });
    expect(offline.status).toBe(1);
    expect(offline.stderr).not.toMatch(STACK_TRACE);
    expect(offline.stderr).toMatch(
      /ECONNREFUSED.* Get vgg16_weights_tf_dim_ordering_tf_kernels_notop\.h5 from https:/,
    );
    expect(existsSync(join(folder, 'none', 'manifest.json'))).toBe(false);
  });
});
