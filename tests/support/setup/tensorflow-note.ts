/** Says what a plain `npm test` leaves out. */
export default function setup(): void {
  process.stdout.write(
    'The parity suite on tfjs-node is left out: npm run setup:tensorflow, then npm run test:tensorflow\n',
  );
}
