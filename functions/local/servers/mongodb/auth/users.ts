import { createHash } from 'node:crypto';
import { Binary, type UUID } from 'bson';
import { type Document, isDocument } from '../bson/values.ts';
import { badValue, CommandError } from '../errors.ts';
import { builtInRole, type Privilege } from './privileges.ts';
import type { ScramSecret } from './scram.ts';

/** A user or a role, by its name and the database that it belongs to. */
export interface Named {
  readonly name: string;
  readonly db: string;
}

export interface User extends Named {
  readonly id: UUID;
  readonly secret: ScramSecret;
  readonly roles: readonly Named[];
  readonly customData?: Document | undefined;
}

/** A role that was made by `createRole`. */
export interface Role extends Named {
  readonly privileges: readonly Privilege[];
  readonly roles: readonly Named[];
}

/** The users and roles of a server. */
export interface Users {
  /** Whether commands are refused to those who lack a privilege. */
  readonly enforced: boolean;
  find(user: Named): User | undefined;
  /** Of one database, or of all. */
  all(db?: string): User[];
  put(user: User): void;
  remove(user: Named): boolean;
  findRole(role: Named): Role | undefined;
  allRoles(db: string): Role[];
  putRole(role: Role): void;
  /** What a user may do now, through the roles and the roles of these. Nothing for a user who is there no more. */
  privilegesOf(user: Named): readonly Privilege[];
  privilegesOfRoles(roles: readonly Named[]): readonly Privilege[];
  /** Throws 31 (RoleNotFound) if one of them is not there. */
  checkRoles(roles: readonly Named[]): void;
}

const keyOf = ({ name, db }: Named) => `${name}@${db}`;

export const sameName = (one: Named | undefined, other: Named | undefined) =>
  one?.name === other?.name && one?.db === other?.db;

export function createUsers(enforced: boolean): Users {
  const users = new Map<string, User>();
  const roles = new Map<string, Role>();
  const privilegesOfRoles = (given: readonly Named[], seen = new Set<string>()): Privilege[] =>
    given.flatMap((role) => {
      const key = keyOf(role);
      if (seen.has(key)) return [];
      seen.add(key);
      const own = roles.get(key);
      return own
        ? [...own.privileges, ...privilegesOfRoles(own.roles, seen)]
        : [...(builtInRole(role.name, role.db) ?? [])];
    });
  return {
    enforced,
    find: (user) => users.get(keyOf(user)),
    all: (db) => [...users.values()].filter((user) => db === undefined || user.db === db),
    put: (user) => void users.set(keyOf(user), user),
    remove: (user) => users.delete(keyOf(user)),
    findRole: (role) => roles.get(keyOf(role)),
    allRoles: (db) => [...roles.values()].filter((role) => role.db === db),
    putRole: (role) => void roles.set(keyOf(role), role),
    privilegesOf: (user) => privilegesOfRoles(users.get(keyOf(user))?.roles ?? []),
    privilegesOfRoles: (given) => privilegesOfRoles(given),
    checkRoles(given) {
      for (const role of given) {
        if (!roles.has(keyOf(role)) && !builtInRole(role.name, role.db)) {
          throw new CommandError(31, `Could not find role: ${keyOf(role)}`);
        }
      }
    },
  };
}

/** Reads what names a role or a user: `'name'` in the command's database, or `{ [field]: 'name', db }`. Throws 2. */
export function parseName(value: unknown, field: 'user' | 'role', db: string): Named {
  if (typeof value === 'string') return { name: value, db };
  const name = isDocument(value) ? value[field] : undefined;
  const given = isDocument(value) ? value.db : undefined;
  if (typeof name !== 'string' || typeof given !== 'string') {
    throw badValue(`a ${field} is named by text or by { ${field}, db }`);
  }
  return { name, db: given };
}

/** Sessions and their events name their user by this digest; without users it is that of nothing. */
export function userDigest(user: Named | undefined): Binary {
  const digest = createHash('sha256');
  if (user) digest.update(keyOf(user));
  return new Binary(digest.digest());
}
