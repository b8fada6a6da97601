import { type Clock, sleep } from '../../../src/clock.ts';
import { createFaults, type Fault, type Faults } from '../../faults.ts';
import { handshakeCommands } from './commands/commandTable.ts';
import { CommandError, errorName } from './errors.ts';

/**
 * The faults of a server whose clients also send commands that no test has asked for: a fault for `'*'` is kept for the
 * first command that is not part of a driver's handshake or monitoring, or it would be used up by those.
 */
export function createServerFaults(): Faults {
  const handshake = createFaults();
  const commands = createFaults();
  const forMethod = (method: string) => (handshakeCommands.has(method) ? handshake : commands);
  return {
    inject: (method, fault, times) => forMethod(method).inject(method, fault, times),
    clear() {
      handshake.clear();
      commands.clear();
    },
    take: (method) => forMethod(method).take(method),
    pending: () => handshake.pending() + commands.pending(),
  };
}

/** The error that a fault answers with, if it answers with one. */
export function faultError({ error }: Fault): CommandError | undefined {
  if (!error) return undefined;
  const code = Number(error.code);
  if (!Number.isInteger(code))
    throw new TypeError(`a MongoDB fault needs a numeric error code, not ${String(error.code)}`);
  return new CommandError(code, error.message ?? `${errorName(code)} (injected)`, { labels: error.labels ?? [] });
}

/** Waits as long as a fault says. */
export async function faultLatency({ latencyMs }: Fault, clock: Clock, signal: AbortSignal): Promise<void> {
  if (latencyMs !== undefined && latencyMs > 0) await sleep(clock, latencyMs, signal);
}
