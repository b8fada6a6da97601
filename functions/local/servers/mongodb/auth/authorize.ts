import { shellText } from '../bson/shellText.ts';
import type { Deployment } from '../deployment.ts';
import { CommandError } from '../errors.ts';
import type { Request } from '../requests/request.ts';
import { allows } from './privileges.ts';
import { openCommands, requirementsOf } from './requirements.ts';

/** Throws 13 (Unauthorized) for a command that the user of the connection may not run. */
export function authorize({ name, db, body, sequences, connection }: Request, { users }: Deployment): void {
  if (!users.enforced || openCommands.has(name)) return;
  const user = connection.user && users.find(connection.user);
  if (!user) throw new CommandError(13, `Command ${name} requires authentication`);
  const privileges = users.privilegesOf(user);
  const requirements = requirementsOf({ name, db, body, sequences });
  if (!requirements?.every((requirement) => allows(privileges, requirement))) {
    throw new CommandError(13, `not authorized on ${db} to execute command ${shellText(body)}`);
  }
}
