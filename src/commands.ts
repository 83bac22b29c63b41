/** The commands of `permafrost`. */
import type { Commands } from './shared/cli/program.ts';

export const COMMANDS = {
  extract: async () => (await import('./extract/command.ts')).extractCommand,
  'train-head': async () => (await import('./train/command.ts')).trainHeadCommand,
  'fine-tune': async () => (await import('./fine-tune/command.ts')).fineTuneCommand,
  predict: async () => (await import('./predict/command.ts')).predictCommand,
  serve: async () => (await import('./predict/serve/command.ts')).serveCommand,
  export: async () => (await import('./export/command.ts')).exportCommand,
  backbones: async () => (await import('./backbones/command.ts')).backbonesCommand,
  cache: async () => (await import('./cache/command.ts')).cacheCommand,
  doctor: async () => (await import('./doctor/command.ts')).doctorCommand,
} as const satisfies Commands;
