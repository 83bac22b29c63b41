/**
 * Runs before the package's dependencies are set up (`preinstall`): keeps onnxruntime-node from downloading 300 MB of CUDA
 * libraries from nuget.org, without which its installation fails where that address is out of reach. Its own script
 * downloads what is missing beside the libraries for the CPU, which come from the registry; so empty files are put there.
 * `node node_modules/onnxruntime-node/script/install --onnxruntime-node-install=cuda12` replaces them by the real ones.
 * Never fails: then the download is tried.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Puts an empty file in the place of each that the installation would download.
 * @param {string} folder of onnxruntime-node
 * @param {string} machine platform and processor, like linux/x64
 */
export function standIn(folder, machine) {
  const metadata = createRequire(join(folder, 'package.json'))('./script/install-metadata.js');
  const libraries = join(folder, 'bin', 'napi-v6', machine);
  for (const name of metadata.requirements[machine] ?? [])
    for (const file of Object.keys(metadata.manifests[`${machine}:${name}`])) {
      mkdirSync(dirname(join(libraries, file)), { recursive: true });
      try {
        writeFileSync(join(libraries, file), '', { flag: 'wx' });
      } catch {
        // A file that is there stays.
      }
    }
}

/** Variables by which a user says what onnxruntime-node's installation is to download. */
const CHOICES = [
  'ONNXRUNTIME_NODE_INSTALL',
  'ONNXRUNTIME_NODE_INSTALL_CUDA',
  'npm_config_onnxruntime_node_install',
  'npm_config_onnxruntime_node_install_cuda',
];

if (import.meta.url === pathToFileURL(process.argv[1]).href && !CHOICES.some((name) => process.env[name]))
  try {
    const { resolve } = createRequire(import.meta.url);
    standIn(dirname(resolve('onnxruntime-node/package.json')), `${process.platform}/${process.arch}`);
  } catch {
    // Another layout of node_modules, or of that package.
  }
