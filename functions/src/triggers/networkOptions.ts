import type { GlobalOptions } from 'firebase-functions/v2/options';
import type { Config } from '../config/defineConfig.ts';

/** Options of a function that asks MongoDB: the private network that it is reached through, if there is one. */
export function networkOptions({
  privateNetwork,
}: Config): Pick<GlobalOptions, 'vpcConnector' | 'vpcEgress' | 'networkInterface'> {
  if (privateNetwork === undefined) return {};
  const { connector, network, subnetwork, egress } = privateNetwork;
  const vpcEgress = egress === 'all' ? 'ALL_TRAFFIC' : 'PRIVATE_RANGES_ONLY';
  if (connector !== undefined) return { vpcConnector: connector, vpcEgress };
  return {
    networkInterface: { ...(network !== undefined && { network }), ...(subnetwork !== undefined && { subnetwork }) },
    vpcEgress,
  };
}
