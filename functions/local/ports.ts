/** A port that somebody asked for is taken. */
export class PortTakenError extends Error {
  constructor(service: string, port: number, flag: string) {
    super(`port ${port}, asked for ${service}, is in use; stop what uses it, or choose another with ${flag}`);
    this.name = 'PortTakenError';
  }
}

/** A service's own default port is tried first, then the following ones: so many in all. */
const portsTried = 50;

export interface PortChoice {
  /** For messages: `MongoDB`, `Firestore` … */
  readonly service: string;
  /** The flag that sets it. */
  readonly flag: string;
  /** A port that was asked for: it is this one or none. 0: any free one. */
  readonly asked?: number | undefined;
  /** The service's usual port: the next free one is taken instead if this one is in use. */
  readonly usual: number;
}

/** Starts a server on the port that was asked for, or on the first free one from the usual one on.
 *  `onTaken` is notified of each usual port that is in use.
 *  @throws PortTakenError */
export async function startOnPort<T>(
  choice: PortChoice,
  start: (port: number) => Promise<T>,
  onTaken: (port: number) => void,
): Promise<T> {
  if (choice.asked !== undefined) {
    const { asked, service, flag } = choice;
    return start(asked).catch((error: unknown) => {
      throw isTaken(error) ? new PortTakenError(service, asked, flag) : error;
    });
  }
  for (let port = choice.usual; port < choice.usual + portsTried; port += 1) {
    try {
      return await start(port);
    } catch (error) {
      if (!isTaken(error)) throw error;
      onTaken(port);
    }
  }
  throw new PortTakenError(choice.service, choice.usual, choice.flag);
}

function isTaken(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EADDRINUSE';
}
