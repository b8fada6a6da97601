// The MongoDB side of a deployment, for mongosh as a user who may manage users. It may be run as often as one likes:
//
//   mongosh "mongodb+srv://ADMIN@HOST/admin" --file functions/deploy/mongodb-setup.js
//
// It asks for the password of the new user, and prints how long the oplog reaches back. On Atlas, make the role and the
// user in its console instead (it does not let clients do so), with the same privileges; the rest works there too.

/* global db, passwordPrompt, print, quit */

const database = process.env.LOCKSTEP_DATABASE ?? 'collaboration';
const collection = process.env.LOCKSTEP_COLLECTION ?? 'projects';
const user = process.env.LOCKSTEP_USER ?? 'lockstep';
// Each user has a role of its own: what one installation may read is no matter of another one in the same cluster.
const roleName = `${user}Reader`;

/** Reading the projects, and watching them; reconciliation tells by the list of collections whether another one has
 *  taken the name. Nothing is ever written, and nothing else is read. */
const privileges = [
  { resource: { db: database, collection }, actions: ['find', 'changeStream'] },
  { resource: { db: database, collection: '' }, actions: ['listCollections'] },
];

const admin = db.getSiblingDB('admin');
const isAtlas = /mongodb\.net/.test(db.getMongo()._uri ?? '');

if (!isAtlas) {
  // What the user may do beyond this is somebody's who would lose it, such as an application or a person: only the role
  // that all installations once shared is taken away.
  const known = admin.getUser(user);
  const foreign = (known?.roles ?? []).filter(
    ({ role, db: of }) => of !== 'admin' || ![roleName, 'lockstepReader'].includes(role),
  );
  if (foreign.length > 0) {
    const names = foreign.map(({ role, db: of }) => `${role} on ${of}`).join(', ');
    throw new Error(`"${user}" has other roles (${names}): choose another LOCKSTEP_USER, or revoke them first`);
  }
  if (admin.getRole(roleName)) admin.updateRole(roleName, { privileges, roles: [] });
  else admin.createRole({ role: roleName, privileges, roles: [] });
  const roles = [{ role: roleName, db: 'admin' }];
  if (known) admin.updateUser(user, { roles });
  else admin.createUser({ user, pwd: passwordPrompt(), roles });
}

// Deletes say who did it only with pre-images (MongoDB 6.0 and newer); without them everything works, but origin.actor
// of a deletion stays empty. Each costs the space of one document until it expires.
const projects = db.getSiblingDB(database);
if (projects.getCollectionNames().includes(collection)) {
  projects.runCommand({ collMod: collection, changeStreamPreAndPostImages: { enabled: true } });
} else {
  projects.createCollection(collection, { changeStreamPreAndPostImages: { enabled: true } });
}
// The expiry is one for the whole cluster: where somebody has set it, others may need their pre-images for as long.
if (!isAtlas) {
  const [options] = admin.runCommand({ getClusterParameter: 'changeStreamOptions' }).clusterParameters;
  if (options.preAndPostImages.expireAfterSeconds === 'off') {
    admin.runCommand({
      setClusterParameter: { changeStreamOptions: { preAndPostImages: { expireAfterSeconds: 24 * 60 * 60 } } },
    });
  }
}

// The relay can go on where it stopped for as long as the oplog reaches back: three days outlast a weekend.
const neededHours = 72;
const oplog = db.getSiblingDB('local').getCollection('oplog.rs');
const [first] = oplog.find({}, { ts: 1 }).sort({ $natural: 1 }).limit(1).toArray();
const [last] = oplog.find({}, { ts: 1 }).sort({ $natural: -1 }).limit(1).toArray();
if (first && last) {
  const hours = Math.round((last.ts.getHighBits() - first.ts.getHighBits()) / 3600);
  print(`oplog window: ${hours} hours (a busier day makes it shorter; at least ${neededHours} are advised)`);
  print('To keep it that long: db.adminCommand({ replSetResizeOplog: 1, minRetentionHours: 72 }) on every member.');
} else {
  print('oplog window: not to be seen from here (a sharded cluster or Atlas); look at it in the console.');
}
