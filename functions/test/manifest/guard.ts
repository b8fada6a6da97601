// Loaded before a program (`node --import`): refuses whatever would leave the process by the network, and tells at the
// end what was tried and which modules were loaded. Writing files, other processes and threads are denied by Node's
// permission model (`--permission`) itself.
import dgram from 'node:dgram';
import dns from 'node:dns';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const attempts: string[] = [];
const modules: string[] = [];

registerHooks({
  load(url, context, nextLoad) {
    modules.push(url);
    return nextLoad(url, context);
  },
});

function refuse(what: string): () => never {
  return () => {
    attempts.push(what);
    throw new Error(`refused while the code is loaded: ${what}`);
  };
}

net.Socket.prototype.connect = refuse('a connection');
dgram.Socket.prototype.bind = refuse('a datagram socket');
dgram.Socket.prototype.send = refuse('a datagram');
for (const resolver of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
  for (const name of Object.getOwnPropertyNames(resolver)) {
    if (/^(lookup|resolve|reverse)/.test(name))
      Object.defineProperty(resolver, name, { value: refuse('a name look-up') });
  }
}
syncBuiltinESMExports();

// The last line on standard error, for who started this.
process.on('exit', () => process.stderr.write(`\n${JSON.stringify({ attempts, modules })}\n`));
