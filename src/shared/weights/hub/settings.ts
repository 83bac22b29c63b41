/** What the environment says of the hub, by the variables of Python's huggingface_hub. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { InputError, UsageError, usage } from '../../errors.ts';

export interface HubSettings {
  /** Address without a slash at its end. */
  readonly endpoint: string;
  /** Never shown, and sent to the endpoint alone. */
  readonly token: string | undefined;
  readonly isOffline: boolean;
  /** Folder of `models--ORG--NAME`. */
  readonly cache: string;
}

const ENDPOINT = 'https://huggingface.co';
const YES = new Set(['1', 'ON', 'YES', 'TRUE']);

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws UsageError for an HF_ENDPOINT that is no address, or an HF_TOKEN that is no token */
export function hubSettings(environment: Environment = process.env): HubSettings {
  const home = hubHome(environment);
  const cache = environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE || join(home, 'hub');
  const isOn = (name: string) => YES.has((environment[name] ?? '').toUpperCase());
  return {
    endpoint: endpointOf(environment.HF_ENDPOINT),
    token: tokenOf(environment, home),
    isOffline: isOn('HF_HUB_OFFLINE') || isOn('TRANSFORMERS_OFFLINE'),
    cache: resolve(expanded(cache)),
  };
}

function hubHome({ HF_HOME, XDG_CACHE_HOME }: Environment): string {
  return expanded(HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface'));
}

/** `~` at the start of a path is the user's folder, as in Python. */
function expanded(path: string): string {
  return path.replace(/^~(?=[/\\]|$)/, () => homedir());
}

function endpointOf(given: string | undefined): string {
  if (!given) return ENDPOINT;
  const isAddress = URL.canParse(given) && /^https?:$/.test(new URL(given).protocol);
  // An address may contain a password.
  if (!isAddress) throw new UsageError('Expected an address like https://huggingface.co for HF_ENDPOINT');
  return given.replace(/\/+$/, '');
}

function tokenOf(
  { HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH }: Environment,
  home: string,
): string | undefined {
  const given = (
    HF_TOKEN ||
    HUGGING_FACE_HUB_TOKEN ||
    tokenFile(expanded(HF_TOKEN_PATH || join(home, 'token')))
  )?.trim();
  if (!given) return undefined;
  if (/^[\x21-\x7e]+$/.test(given)) return given;
  throw usage('a token of letters and digits', 'HF_TOKEN', 'other characters');
}

function tokenFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw new InputError(`The token in ${path} cannot be read`);
  }
}
