/**
 * Asks a running `permafrost serve --head runs/x/best` about photos:
 *
 *     node client.mjs http://127.0.0.1:8765 a.jpg b.jpg
 */
import { readFile } from 'node:fs/promises';

const [address, ...photos] = process.argv.slice(2);

for (const photo of photos) {
  const response = await fetch(`${address}/predict`, { method: 'POST', body: await readFile(photo) });
  const answer = await response.json();
  if (response.ok) console.log(photo, answer.labels.join(', '), answer.probabilities);
  else console.error(photo, response.status, answer.error);
}
