/** Models of a hub, fetched from a server on this machine into a cache like Python's. */
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../../../../src/shared/errors.ts';
import { type Reporter, silent } from '../../../../src/shared/reporter.ts';
import { fetchHubModel, fetchPinnedModel, hubModelPath } from '../../../../src/shared/weights/hub/fetch.ts';
import { newFolder } from '../../../support/folders.ts';
import { type HubServer, hashOf, startHub } from '../../../support/hub-server.ts';
import { expectWholeFiles, killedDownloads, slowly } from '../../../support/killed-downloads.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const MODEL = randomBytes(300_000);
const DATA = randomBytes(50_000);
const CONFIG = Buffer.from('{"model_type":"dinov2"}');
const PROCESSOR = Buffer.from('{"do_resize":true}');
const SMALL = 'hf:org/small';
const NAMES = /^(HF_|HUGGING|XDG_CACHE|TRANSFORMERS_OFF|HOME$|.*_PROXY$)/i;

let hub: HubServer;
let home: string;
const saved = { ...process.env };

beforeEach(async () => {
  hub = await startHub({
    'org/small': {
      commit: COMMIT,
      files: {
        'README.md': Buffer.from('# A model'),
        'config.json': CONFIG,
        'preprocessor_config.json': PROCESSOR,
        'model.safetensors': randomBytes(2000),
        'onnx/model.onnx': MODEL,
        'onnx/model_fp16.onnx': randomBytes(1500),
        'onnx/model.onnx_data': DATA,
      },
    },
  });
  home = newFolder();
  for (const name of Object.keys(process.env)) if (NAMES.test(name)) delete process.env[name];
  Object.assign(process.env, { HOME: home, HF_ENDPOINT: hub.endpoint, HF_HOME: join(home, 'hf') });
});

afterEach(async () => {
  await hub.close();
  rmSync(home, { recursive: true });
  for (const name of Object.keys(process.env)) if (NAMES.test(name)) delete process.env[name];
  Object.assign(process.env, saved);
});

const repository = (...path: string[]) => join(home, 'hf', 'hub', 'models--org--small', ...path);
const fetch = (name = SMALL, reporter: Reporter = silent) =>
  fetchHubModel(name, 'fp32', { reporter, retryAfter: 5 });

/** A fault of the server of large files. */
const ofLargeFiles = (answer: (response: ServerResponse, request: IncomingMessage) => boolean) => {
  hub.faults.push(
    (request, response) => /^\/[0-9a-f]{64}$/.test(request.url ?? '') && answer(response, request),
  );
};

describe('a model', () => {
  it('comes with its configuration and data into the layout of huggingface_hub, and nothing else', async () => {
    expect(await fetch()).toBe(`${SMALL}@${COMMIT}/onnx/model.onnx`);
    expect(readFileSync(repository('refs', 'main'), 'utf8')).toBe(COMMIT);
    const files = {
      'config.json': CONFIG,
      'preprocessor_config.json': PROCESSOR,
      'onnx/model.onnx_data': DATA,
      'onnx/model.onnx': MODEL,
    };
    for (const [file, bytes] of Object.entries(files)) {
      const path = repository('snapshots', COMMIT, file);
      expect(lstatSync(path).isSymbolicLink()).toBe(true);
      expect(readlinkSync(path)).toBe(`${file.includes('/') ? '../' : ''}../../blobs/${hashOf(bytes)}`);
      expect(readFileSync(path).equals(bytes)).toBe(true);
    }
    expect(readdirSync(repository('blobs')).sort()).toEqual(Object.values(files).map(hashOf).sort());
    expect(hubModelPath(`${SMALL}@${COMMIT}/onnx/model.onnx`)).toBe(
      repository('snapshots', COMMIT, 'onnx/model.onnx'),
    );
  });

  it('that is there and pinned is found without a request', async () => {
    const weights = await fetch();
    hub.requests.length = 0;
    expect(await fetch(`${SMALL}@${COMMIT}`)).toBe(weights);
    await fetchPinnedModel(weights, {});
    expect(hub.requests).toEqual([]);
    expect(await fetch(`${SMALL}@v1`)).toBe(weights);
    expect(hub.requests).toEqual(['GET /api/models/org/small/revision/v1']);
  });

  it('without a configuration is whole, too, and stays so', async () => {
    const { files } = hub.repositories['org/small'];
    delete files['preprocessor_config.json'];
    await fetch();
    expect(existsSync(repository('.no_exist', COMMIT, 'preprocessor_config.json'))).toBe(true);
    hub.requests.length = 0;
    await fetch(`${SMALL}@${COMMIT}`);
    expect(hub.requests).toEqual([]);
  });

  it('of two towers is its image tower, in the precision that is requested', async () => {
    const { files } = hub.repositories['org/small'];
    files['onnx/vision_model_fp16.onnx'] = randomBytes(1200);
    expect(await fetchHubModel(SMALL, 'fp16', {})).toBe(`${SMALL}@${COMMIT}/onnx/vision_model_fp16.onnx`);
    await expect(fetchHubModel(SMALL, 'int8', {})).rejects.toThrow(
      'Expected a model of hf:org/small in int8 but it has fp32, fp16: pass --precision fp32',
    );
  });

  it('is taken at its last commit, with a warning, where the hub cannot be reached', async () => {
    const weights = await fetch();
    hub.faults.push((_, response) => Boolean(response.socket?.destroy()));
    const warnings: string[] = [];
    expect(await fetch(SMALL, { ...silent, warn: (message) => warnings.push(message) })).toBe(weights);
    expect(warnings).toEqual([
      expect.stringContaining(`takes ${SMALL} at commit ${COMMIT}, where main was before`),
    ]);
  });

  it('is taken without a request where HF_HUB_OFFLINE says so', async () => {
    const weights = await fetch();
    hub.requests.length = 0;
    process.env.HF_HUB_OFFLINE = '1';
    expect(await fetch()).toBe(weights);
    expect(hub.requests).toEqual([]);
    await expect(fetch('hf:org/other')).rejects.toThrow(
      /^HF_HUB_OFFLINE is set, and org\/other at main is not in .*hub: run "hf download org\/other" where/,
    );
  });
});

describe('a token', () => {
  it.each([
    ['HF_TOKEN', () => Object.assign(process.env, { HF_TOKEN: 'hf_secret\n' })],
    [
      "huggingface_hub's file",
      () => {
        mkdirSync(join(home, 'hf'), { recursive: true });
        writeFileSync(join(home, 'hf', 'token'), 'hf_secret');
      },
    ],
  ])('from %s is sent to the hub, and to no other server', async (_, set) => {
    set();
    hub.repositories['org/small'].token = 'hf_secret';
    const said: string[] = [];
    await fetch(SMALL, { ...silent, info: (message) => said.push(message) });
    hub.requests.forEach((request, index) => {
      expect(hub.tokens[index]).toBe(request.startsWith('cdn') ? undefined : 'Bearer hf_secret');
    });
    expect(hub.requests.some((request) => request.startsWith('cdn'))).toBe(true);
    expect(said.join()).not.toContain('secret');
  });

  it('that cannot be one is not shown', async () => {
    process.env.HF_TOKEN = 'hf_secret\u00e9';
    const refused = await fetch().catch((thrown) => thrown);
    expect(refused.message).toBe(
      'Expected a token of letters and digits for HF_TOKEN but received "other characters"',
    );
  });
});

describe('one sentence says what to do about', () => {
  it.each<[string, () => string | undefined, RegExp]>([
    [
      'a name that is none',
      () => 'hf:small',
      /^Expected hf:ORG\/NAME or hf:ORG\/NAME@REVISION for --backbone but received "hf:small"$/,
    ],
    ['a name that climbs', () => 'hf:../small', /^Expected hf:ORG\/NAME/],
    [
      'a missing model',
      () => 'hf:org/none',
      /^There is no model org\/none at http.*, or it is private: check its name, or set HF_TOKEN$/,
    ],
    [
      'a missing revision',
      () => `${SMALL}@v9`,
      /^Expected a branch, tag or commit of .*org\/small but it has no "v9"$/,
    ],
    [
      'a gated model',
      () => void Object.assign(hub.repositories['org/small'], { isGated: true }),
      /^http.*org\/small may not be downloaded without a token: accept its terms there, and set HF_TOKEN to a token of your account$/,
    ],
    [
      'a model without an ONNX file',
      () => void Object.assign(hub.repositories['org/small'], { files: { 'config.json': CONFIG } }),
      /^Expected onnx\/model.onnx in hf:org\/small but it has no such file: look for an ONNX version of the model/,
    ],
    [
      'no network',
      () => void Object.assign(process.env, { HF_ENDPOINT: 'http://127.0.0.1:9' }),
      /^Cannot reach http:\/\/127.0.0.1:9: .*ECONNREFUSED.*, and org\/small at main is not in .*: run "hf download org\/small" where/,
    ],
    [
      'an endpoint that is none',
      () => void Object.assign(process.env, { HF_ENDPOINT: 'mirror' }),
      /^Expected an address like .* for HF_ENDPOINT$/,
    ],
    [
      'a server that is no hub',
      () => void hub.faults.push((_, response) => Boolean(response.end('<html>'))),
      /^Expected JSON in http.*revision\/main but it is damaged/,
    ],
  ])('%s', async (_, arrange, message) => {
    await expect(fetch(arrange())).rejects.toThrow(message);
  });
});

describe('a server that', () => {
  it('cuts large files short is asked for the rest', async () => {
    ofLargeFiles((response, request) => {
      if (request.headers.range) return false;
      const bytes = request.url === `/${hashOf(MODEL)}` ? MODEL : DATA;
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 20_000), () => setTimeout(() => response.socket?.destroy(), 30));
      return true;
    });
    await fetch();
    expect(readFileSync(repository('snapshots', COMMIT, 'onnx/model.onnx')).equals(MODEL)).toBe(true);
  });

  it('sends other bytes is not believed', async () => {
    ofLargeFiles((response) => Boolean(response.end(randomBytes(300_000))));
    const refused = await fetch().catch((thrown) => thrown);
    expect(refused).toBeInstanceOf(InputError);
    expect(refused.message).toMatch(
      /^Expected a file with SHA-256 [0-9a-f]{64} at .* but received other content$/,
    );
    expect(readdirSync(repository('blobs')).sort()).toEqual([hashOf(CONFIG), hashOf(PROCESSOR)].sort());
  });

  it('sends other bytes of a small file is not believed, either', async () => {
    hub.faults.push(
      (request, response) =>
        request.method === 'GET' &&
        /resolve.*\/config.json/.test(request.url ?? '') &&
        Boolean(response.end('{}')),
    );
    await expect(fetch()).rejects.toThrow(/^Expected a file with git's SHA-1 [0-9a-f]{40} at /);
  });

  it('names no hash is not believed', async () => {
    hub.faults.push(
      (request, response) =>
        request.method === 'HEAD' && Boolean(response.writeHead(200, { etag: '"../../x"' }).end()),
    );
    await expect(fetch()).rejects.toThrow(
      /^Expected the SHA-256 or git hash of config.json in the ETag of .* but received/,
    );
  });

  it('is busy is asked again, as late as it says', async () => {
    let left = 1;
    hub.faults.push(
      (_, response) => left-- > 0 && Boolean(response.writeHead(429, { 'retry-after': '1' }).end()),
    );
    const started = performance.now();
    await fetch();
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  it('redirects without end is given up', async () => {
    hub.faults.push((request, response) => Boolean(response.writeHead(302, { location: request.url }).end()));
    await expect(fetch()).rejects.toThrow(
      /^Cannot reach .*: it redirected more than 5 times, and org\/small/,
    );
  });
});

it('what a killed download leaves is never taken for whole, and the next one goes on with it', async () => {
  slowly(hub, { pieces: 20, pause: 5 });
  const options = { name: SMALL, repository: repository(), count: 3, longest: 120, environment: {} };
  expect(await killedDownloads(hub, options)).toBeGreaterThan(1);
  await fetch();
  expectWholeFiles(hub, repository());
  expect(readFileSync(hubModelPath(`${SMALL}@${COMMIT}/onnx/model.onnx`)).equals(MODEL)).toBe(true);
});
