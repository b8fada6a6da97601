import { z } from 'zod';

/** What a webhook understands: `json` is Lockstep's own form, `pagerduty` is Events API v2. */
const alertFormats = ['json', 'slack', 'pagerduty'] as const;

/** A name goes into logs, into records and into the secret that holds the addresses. */
const targetName = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'expected a name of a-z, 0-9 and -, such as "on-call"');

/** A day: an alert that nobody saw for longer is not escalated but forgotten. */
const longestMinutes = 1_440;

/** Whom alerts reach. Addresses and keys are secrets and stand in `ALERT_TARGETS`, by the names given here. */
export const alertsSchema = z
  .strictObject({
    targets: z.array(z.strictObject({ name: targetName, format: z.enum(alertFormats) })).default([]),
    /** The target `to` hears only of alerts that nobody acknowledged within `afterMinutes`. */
    escalation: z
      .strictObject({ to: targetName, afterMinutes: z.number().int().min(1).max(longestMinutes).default(15) })
      .optional(),
  })
  .superRefine(({ targets, escalation }, context) => {
    const names = targets.map(({ name }) => name);
    const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
    if (twice !== -1) {
      context.addIssue({
        code: 'custom',
        path: ['targets', twice, 'name'],
        message: `"${names[twice]}" is there twice`,
      });
    }
    if (escalation && !names.includes(escalation.to)) {
      context.addIssue({ code: 'custom', path: ['escalation', 'to'], message: `"${escalation.to}" is not in targets` });
    }
    if (escalation && targets.length === 1) {
      const message = 'expected a second target: the only one would hear of every alert too late';
      context.addIssue({ code: 'custom', path: ['escalation', 'to'], message });
    }
  });

export type AlertsConfig = z.output<typeof alertsSchema>;
export type AlertTarget = AlertsConfig['targets'][number];
