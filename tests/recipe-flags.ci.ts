/** The commands of docs/recipes.md as they are written. */
import { describe, expect, it } from 'vitest';
import { permafrost } from './support/command.ts';
import { newFolder } from './support/folders.ts';
import { readRecipes } from './support/recipes.ts';

describe('docs/recipes.md', () => {
  it('has five recipes', () => {
    expect(readRecipes().map(({ commands }) => commands.length)).toEqual([3, 2, 3, 4, 3]);
  });

  it('uses only flags and values that the commands take', async () => {
    // Without data each command must come as far as to miss them (1), and not refuse how it is called (2).
    const cwd = newFolder();
    const outcomes = [];
    for (const { commands } of readRecipes())
      for (const command of commands) outcomes.push({ command, ...(await permafrost(command, { cwd })) });
    const refused = outcomes.filter(({ status }) => status !== 1);
    expect(refused.map(({ command, stderr }) => `${command.join(' ')}: ${stderr}`)).toEqual([]);
  }, 60_000);
});
