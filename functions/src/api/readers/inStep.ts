import { waitUntilInStep } from '../../inStep/waitUntilInStep.ts';
import { invalidInput } from '../input.ts';
import type { ReaderDependencies, Views } from './views.ts';

/** Waits for projects, from their records alone: the API does not know MongoDB. */
export function createInStepReader(dependencies: ReaderDependencies): Pick<Views, 'inStep'> {
  return {
    async inStep(projectId, options) {
      const unknown = options.fields?.find((field) => !dependencies.config.source.fields.includes(field));
      if (unknown !== undefined) throw invalidInput([{ field: 'fields', problem: `"${unknown}" is not configured` }]);
      return waitUntilInStep(dependencies, projectId, options);
    },
  };
}
