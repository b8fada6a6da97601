import { z } from 'zod';
import { plainText } from './names.ts';

/** Traffic that goes through the network: to private addresses only, or all of it (for a fixed address behind Cloud
 *  NAT). */
const egress = z.enum(['private-ranges', 'all']).default('private-ranges');

/** How the functions that ask MongoDB reach it where it has private addresses only: a Serverless VPC Access connector,
 *  or Direct VPC egress into a subnetwork. Part of the file that is deployed rather than parameters, since the library
 *  takes no parameter that says "none" for a network. https://firebase.google.com/docs/functions/networking,
 *  https://cloud.google.com/functions/docs/networking/network-settings */
export const privateNetworkSchema = z
  .strictObject({
    connector: plainText.optional(),
    network: plainText.optional(),
    subnetwork: plainText.optional(),
    egress,
  })
  .superRefine(({ connector, network, subnetwork }, context) => {
    const isDirect = network !== undefined || subnetwork !== undefined;
    if ((connector !== undefined) === isDirect) {
      const message = 'expected either "connector", or "network" or "subnetwork" for direct egress';
      context.addIssue({ code: 'custom', path: [], message });
    }
  });

export type PrivateNetwork = z.output<typeof privateNetworkSchema>;
