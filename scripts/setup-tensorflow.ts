/**
 * `npm run setup:tensorflow [-- --gpu] [-- --wheel]`: makes the TensorFlow engine work on this machine.
 *
 * Installs @tensorflow/tfjs-node (or -gpu) below node_modules/.tensorflow, a folder that npm leaves alone, and gives it
 * a native library: its own installer's where that works (--wheel skips the attempt), else TensorFlow from its Python
 * wheel, with the binding built from the npm package's own source. Needs npm; the wheel also python3 with pip, and
 * g++. Nothing is installed elsewhere.
 */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SETUP_FOLDER, tryRuntime } from '../src/shared/engines/tensorflow/runtime.ts';

/** The last release of the npm packages, and a TensorFlow whose C interface it fits. */
const VERSIONS = { tfjs: '4.22.0', tensorflow: '2.20.0', 'node-api-headers': '1.9.0' };
/** Prebuilt for Node-API 8, which every supported Node has. */
const NODE_API = 8;
/** The installer downloads from an address that may hang. */
const INSTALLER_LIMIT_MS = 300_000;

/** Headers that the binding includes, directly or not; the wheel has ten thousand others. */
const HEADERS = 'tensorflow/(c|core/(platform|lib)|tsl)/|tsl/|xla/tsl/';

/** What TensorFlow opens by name when it starts on a GPU. */
const CUDA_LIBRARIES =
  /\/lib\/lib(cudart|cublas|cublasLt|cudnn|cufft|cusolver|cusparse|nvJitLink|nccl|cupti)\.so\.[\d.]+$/;

/** Takes the native libraries, the headers and, for a GPU, the names of the CUDA wheels out of a wheel. */
const UNPACK = `
import os, re, shutil, sys, zipfile
wheel, lib, include, headers = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        library = re.fullmatch(r'tensorflow/(libtensorflow_(?:cc|framework)\\.so\\.2)', name)
        header = re.fullmatch(r'tensorflow/include/((?:' + headers + r').*\\.h)', name)
        if not (library or header):
            continue
        path = os.path.join(lib, library[1]) if library else os.path.join(include, header[1])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(name) as source, open(path, 'wb') as target:
            shutil.copyfileobj(source, target, 1 << 20)
    metadata = next(name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
    for line in archive.read(metadata).decode().splitlines():
        requirement = re.match(r'Requires-Dist: (nvidia-[^;]+); extra == .and-cuda.', line)
        if requirement:
            print(requirement[1])
`;

const { values: flags } = parseArgs({
  options: {
    gpu: { type: 'boolean', default: false },
    wheel: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
});
const name = flags.gpu ? 'tfjs-node-gpu' : 'tfjs-node';
const packageFolder = join(SETUP_FOLDER, 'node_modules/@tensorflow', name);

if (flags.check) await check();
else setUp();

function setUp(): void {
  installPackage();
  if (flags.wheel || !officialInstaller()) buildFromWheel();
  report();
}

/** The npm packages without their scripts. */
function installPackage(): void {
  say(`Installing @tensorflow/${name} ${VERSIONS.tfjs} into node_modules/.tensorflow`);
  mkdirSync(SETUP_FOLDER, { recursive: true });
  // npm notes there what it installed: both packages can stay side by side.
  const manifest = join(SETUP_FOLDER, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  const packages = [
    `@tensorflow/${name}@${VERSIONS.tfjs}`,
    `node-api-headers@${VERSIONS['node-api-headers']}`,
  ];
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], { cwd: SETUP_FOLDER });
}

/** Lets the package fetch its own library; false where that leaves nothing that loads. */
function officialInstaller(): boolean {
  if (works()) return true;
  say(`Trying the package's own installer (${INSTALLER_LIMIT_MS / 60_000} minutes at most)`);
  const { status } = spawnSync('npm', ['rebuild', '--ignore-scripts=false', `@tensorflow/${name}`], {
    cwd: SETUP_FOLDER,
    stdio: 'ignore',
    timeout: INSTALLER_LIMIT_MS,
  });
  if (status === 0 && works()) return true;
  say('It does not work here; taking TensorFlow from its Python wheel instead');
  return false;
}

function buildFromWheel(): void {
  if (platform() !== 'linux' || arch() !== 'x64') {
    fail(`TensorFlow's wheel can be used on Linux x64 only, and this is ${platform()} ${arch()}`);
  }
  const wheels = join(SETUP_FOLDER, 'wheels');
  const lib = join(packageFolder, 'deps/lib');
  const include = join(packageFolder, 'deps/include');
  for (const folder of [wheels, lib, include]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const distribution = flags.gpu ? 'tensorflow' : 'tensorflow-cpu';
  say(`Downloading ${distribution} ${VERSIONS.tensorflow} (${flags.gpu ? 620 : 260} MB)`);
  // Any Python's wheel will do: only the libraries in it are used.
  const anyPython = [
    '--python-version',
    '3.12',
    '--implementation',
    'cp',
    '--platform',
    'manylinux_2_17_x86_64',
  ];
  const requirement = `${distribution}==${VERSIONS.tensorflow}`;
  const onlyWheels = ['--no-deps', '--only-binary=:all:', '--quiet', '--disable-pip-version-check'];
  run('python3', ['-m', 'pip', 'download', ...onlyWheels, ...anyPython, '-d', wheels, requirement]);
  const [wheel] = readdirSync(wheels);
  const cudaWheels = run('python3', ['-c', UNPACK, join(wheels, wheel), lib, include, HEADERS], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  rmSync(wheels, { recursive: true });
  symlinkSync('libtensorflow_cc.so.2', join(lib, 'libtensorflow.so'));
  symlinkSync('libtensorflow_framework.so.2', join(lib, 'libtensorflow_framework.so'));

  const cuda = flags.gpu ? installCuda(cudaWheels.trim().split('\n'), onlyWheels) : [];
  compileBinding(include, lib, cuda);
  rmSync(include, { recursive: true });
}

/** Installs the CUDA libraries that this TensorFlow was built for; returns each one's path below the package. */
function installCuda(requirements: string[], pipFlags: string[]): string[] {
  say(`Downloading ${requirements.length} CUDA wheels (about 2.5 GB)`);
  const target = join(packageFolder, 'deps/cuda');
  rmSync(target, { recursive: true, force: true });
  run('python3', ['-m', 'pip', 'install', ...pipFlags, '--target', target, ...requirements]);
  const nvidia = join(target, 'nvidia');
  return readdirSync(nvidia, { recursive: true, encoding: 'utf8' })
    .filter((path) => CUDA_LIBRARIES.test(path))
    .map((path) => join('deps/cuda/nvidia', path));
}

/**
 * Compiles the package's own source. The libraries' folders are written into the binding as DT_RPATH, which also holds
 * for what they open by name; the CUDA ones are loaded with it, so that TensorFlow finds them there by their names.
 */
function compileBinding(include: string, lib: string, cuda: readonly string[]): void {
  say('Building the binding');
  const folder = join(packageFolder, `lib/napi-v${NODE_API}`);
  mkdirSync(folder, { recursive: true });
  const searched = new Set(['deps/lib', ...cuda.map((path) => join(path, '..'))]);
  run(
    'g++',
    [
      '-std=c++17',
      '-O2',
      '-fPIC',
      '-shared',
      '-w',
      `-DNAPI_VERSION=${NODE_API}`,
      '-I.',
      '-I..',
      `-I${include}`,
      `-I${join(SETUP_FOLDER, 'node_modules/node-api-headers/include')}`,
      'binding/tfjs_backend.cc',
      'binding/tfjs_binding.cc',
      `-L${lib}`,
      '-ltensorflow',
      '-ltensorflow_framework',
      '-Wl,--no-as-needed',
      ...cuda,
      '-Wl,--disable-new-dtags',
      ...[...searched].map((path) => `-Wl,-rpath,$ORIGIN/../../${path}`),
      '-o',
      join(folder, 'tfjs_binding.node'),
    ],
    { cwd: packageFolder },
  );
}

/** Whether the package loads and multiplies, tried in a process of its own: a wrong library can abort it. */
function works(): boolean {
  return checkProcess('ignore').status === 0;
}

function report(): void {
  const { status, stdout } = checkProcess(['ignore', 'pipe', 'inherit']);
  if (status !== 0) fail('The binding was built but does not load');
  say(
    `Ready: ${String(stdout).trim()}. Use it with --engine tensorflow; permafrost doctor compares the engines`,
  );
}

function checkProcess(stdio: SpawnSyncOptions['stdio']) {
  const script = fileURLToPath(import.meta.url);
  const args = [...process.execArgv, script, '--check', ...(flags.gpu ? ['--gpu'] : [])];
  return spawnSync(process.execPath, args, { stdio });
}

async function check(): Promise<void> {
  const runtime = await tryRuntime(name);
  if (!('tf' in runtime)) throw new Error(runtime.reason);
  const { tf, version, device } = runtime;
  const [product] = tf.matMul(tf.ones([1, 64]), tf.ones([64, 1])).dataSync();
  if (product !== 64) throw new Error(`64 ones add up to ${product}`);
  const unseen = flags.gpu && device !== 'cuda' ? ', which sees no GPU here' : '';
  process.stdout.write(`${version}${unseen}\n`);
}

/** Runs a program to its end and returns what it printed, if that was asked for. */
function run(program: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const { status, error, stdout } = spawnSync(program, args, { stdio: 'inherit', ...options });
  if (error) fail(`Expected ${program} on this machine but it cannot be started: ${error.message}`);
  if (status !== 0) fail(`${program} ${args[0]} ended with status ${status}`);
  return stdout === null ? '' : String(stdout);
}

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

function fail(message: string): never {
  say(message);
  process.exit(1);
}
