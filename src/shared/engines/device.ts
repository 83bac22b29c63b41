/** Engines that keep arrays on their device. */
import { type DeviceEngine, type Engine, loadEngine } from './engine.ts';

/** Whether an engine computes on a GPU, where arrays can stay from one run to the next. */
export async function computesOnGpu(name: string): Promise<boolean> {
  const { usesDevice, device } = await loadEngine(name, { threads: 1 });
  return usesDevice !== undefined && device !== 'cpu';
}

export function deviceEngineOf({ name, usesDevice }: Engine): DeviceEngine {
  if (!usesDevice) throw new Error(`${name} keeps nothing on a device`);
  return usesDevice;
}
