import { UUID } from 'bson';
import { type Document, isDocument } from '../bson/values.ts';
import { badValue, CommandError, notImplemented } from '../errors.ts';
import type { CommandTable, Operation } from '../operation.ts';
import { builtInRole, parsePrivilege } from './privileges.ts';
import { scramSecret } from './scram.ts';
import { type Named, parseName, type Role, type User, type Users } from './users.ts';

const shown = ({ name, db }: Named) => ({ role: name, db });

function rolesIn({ fields, db, deployment }: Operation, field: string): Named[] | undefined {
  const roles = fields.array(field)?.map((role) => parseName(role, 'role', db));
  if (roles) deployment.users.checkRoles(roles);
  return roles;
}

function refuseSettings({ fields }: Operation): void {
  const { mechanisms, authenticationRestrictions: restrictions, digestPassword } = fields.body;
  if (Array.isArray(mechanisms) && mechanisms.some((mechanism) => mechanism !== 'SCRAM-SHA-256')) {
    throw notImplemented('another mechanism than SCRAM-SHA-256');
  }
  if (Array.isArray(restrictions) && restrictions.length > 0) throw notImplemented('authenticationRestrictions');
  if (digestPassword === false) throw notImplemented('digestPassword: false');
}

function existing({ deployment, db, fields }: Operation): User {
  const name = fields.string(fields.command);
  const user = deployment.users.find({ name, db });
  if (!user) throw new CommandError(11, `User '${name}@${db}' not found`);
  return user;
}

function describeUser(user: User, users: Users, privileges: boolean): Document {
  return {
    _id: `${user.db}.${user.name}`,
    userId: user.id,
    user: user.name,
    db: user.db,
    ...(user.customData ? { customData: user.customData } : {}),
    roles: user.roles.map(shown),
    mechanisms: ['SCRAM-SHA-256'],
    ...(privileges ? { inheritedPrivileges: [...users.privilegesOf(user)] } : {}),
  };
}

function describeRole(role: Named, users: Users, privileges: boolean): Document[] {
  const own: Role | undefined = users.findRole(role);
  const builtIn = builtInRole(role.name, role.db);
  if (!own && !builtIn) return [];
  return [
    {
      _id: `${role.db}.${role.name}`,
      ...shown(role),
      isBuiltin: !own,
      roles: own?.roles.map(shown) ?? [],
      inheritedRoles: own?.roles.map(shown) ?? [],
      ...(privileges
        ? {
            privileges: [...(own?.privileges ?? builtIn ?? [])],
            inheritedPrivileges: [...users.privilegesOfRoles([role])],
          }
        : {}),
    },
  ];
}

function rolePrivileges({ fields }: Operation) {
  return fields.array('privileges')?.map((value) => {
    if (!isDocument(value)) throw badValue('a privilege is a document');
    return parsePrivilege(value);
  });
}

/** Users and roles (https://www.mongodb.com/docs/manual/reference/command/nav-user-management/). */
export const userCommands: CommandTable = {
  createUser(operation) {
    const { deployment, db, fields } = operation;
    const name = fields.string('createUser');
    refuseSettings(operation);
    const secret = scramSecret(fields.string('pwd'));
    fields.requiredArray('roles');
    const roles = rolesIn(operation, 'roles') ?? [];
    if (deployment.users.find({ name, db })) throw new CommandError(51003, `User "${name}@${db}" already exists`);
    deployment.users.put({ name, db, id: new UUID(), secret, roles, customData: fields.document('customData') });
    return { fields: {} };
  },

  updateUser(operation) {
    const { deployment, fields } = operation;
    refuseSettings(operation);
    const user = existing(operation);
    const password = fields.optionalString('pwd');
    deployment.users.put({
      ...user,
      ...(password === undefined ? {} : { secret: scramSecret(password) }),
      roles: rolesIn(operation, 'roles') ?? user.roles,
      customData: fields.document('customData') ?? user.customData,
    });
    return { fields: {} };
  },

  dropUser(operation) {
    operation.deployment.users.remove(existing(operation));
    return { fields: {} };
  },

  grantRolesToUser(operation) {
    const user = existing(operation);
    operation.fields.requiredArray('roles');
    const roles = [...user.roles, ...(rolesIn(operation, 'roles') ?? [])];
    operation.deployment.users.put({ ...user, roles });
    return { fields: {} };
  },

  usersInfo({ deployment: { users }, db, fields }) {
    const wanted = fields.body.usersInfo;
    const found =
      isDocument(wanted) && wanted.forAllDBs === true
        ? users.all()
        : typeof wanted === 'string' || isDocument(wanted) || Array.isArray(wanted)
          ? [wanted].flat().flatMap((one) => users.find(parseName(one, 'user', db)) ?? [])
          : users.all(db);
    const privileges = fields.boolean('showPrivileges');
    return { fields: { users: found.map((user) => describeUser(user, users, privileges)) } };
  },

  createRole(operation) {
    const { deployment, db, fields } = operation;
    const name = fields.string('createRole');
    fields.requiredArray('privileges');
    fields.requiredArray('roles');
    if (deployment.users.findRole({ name, db }) || builtInRole(name, db)) {
      throw new CommandError(51002, `Role "${name}@${db}" already exists`);
    }
    const roles = rolesIn(operation, 'roles') ?? [];
    deployment.users.putRole({ name, db, privileges: rolePrivileges(operation) ?? [], roles });
    return { fields: {} };
  },

  updateRole(operation) {
    const { deployment, db, fields } = operation;
    const name = fields.string('updateRole');
    const role = deployment.users.findRole({ name, db });
    if (!role) throw new CommandError(31, `Role ${name}@${db} not found`);
    deployment.users.putRole({
      ...role,
      privileges: rolePrivileges(operation) ?? role.privileges,
      roles: rolesIn(operation, 'roles') ?? role.roles,
    });
    return { fields: {} };
  },

  rolesInfo({ deployment: { users }, db, fields }) {
    const wanted = fields.body.rolesInfo;
    const names =
      typeof wanted === 'string' || isDocument(wanted) || Array.isArray(wanted)
        ? [wanted].flat().map((one) => parseName(one, 'role', db))
        : users.allRoles(db);
    const privileges = fields.boolean('showPrivileges');
    return { fields: { roles: names.flatMap((name) => describeRole(name, users, privileges)) } };
  },
};
