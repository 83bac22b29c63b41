/** Bounds the connections of a server; those that say nothing make room for new ones. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Keeps at most `max` connections: a new one ends the oldest of those whose request has not come as a whole, so that
 * connections which are only opened, or trickle, lock nobody out. Where all have a request under way the new one is ended.
 */
export function boundConnections(server: Server, max: number): void {
  /** Responses that each connection waits for, oldest connection first. */
  const connections = new Map<Socket, number>();
  server.on('connection', (socket: Socket) => {
    if (connections.size >= max) {
      const quiet = [...connections].find(([, responses]) => responses === 0)?.[0];
      (quiet ?? socket).destroy();
      if (!quiet) return;
      connections.delete(quiet);
    }
    connections.set(socket, 0);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const count = (by: number): void => {
      const responses = connections.get(socket);
      if (responses !== undefined) connections.set(socket, responses + by);
    };
    request.once('end', () => {
      // Nobody reads the end of what was refused without its body until then.
      if (response.writableFinished || response.destroyed) return;
      count(1);
      response.once('close', () => count(-1));
    });
  });
}
