import core from 'mingo/core';
import lazy from 'mingo/lazy';
import accumulatorOperators from 'mingo/operators/accumulator';
import expressionOperators from 'mingo/operators/expression';
import pipelineOperators from 'mingo/operators/pipeline';
import windowOperators from 'mingo/operators/window';
import { type Document, isDocument } from '../bson/values.ts';
import { badValue } from '../errors.ts';
import { fromPlain, toPlain } from '../expression/delegated.ts';
import type { StageCompiler, StageTable } from './stage.ts';

/** Stages that are rare and independent of how BSON compares: mingo runs them on plain JavaScript values. */
const delegated = ['$densify', '$fill', '$setWindowFields'] as const;

type MingoStage = (documents: unknown, operand: unknown, options: object) => { collect(): unknown[] };

const mingoTable: Readonly<Record<string, unknown>> = { ...pipelineOperators };

function delegate(name: string): StageCompiler {
  return (operand) => {
    // mingo's stages all have this shape; its types insist on an options class that it does not export.
    const stage = mingoTable[name] as MingoStage;
    const options = {
      idKey: '_id',
      failOnError: true,
      useStrictMode: true,
      context: core.Context.init({
        accumulator: { ...accumulatorOperators },
        expression: { ...expressionOperators },
        pipeline: { ...pipelineOperators },
        window: { ...windowOperators },
      }),
    };
    return (documents) => {
      const plain = [...documents].map((document) => toPlain(document));
      try {
        return stage(lazy.Lazy(plain), toPlain(operand), options)
          .collect()
          .map((result) => asDocument(fromPlain(result)));
      } catch (error) {
        throw badValue(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
  };
}

const asDocument = (value: unknown): Document => (isDocument(value) ? value : {});

export const mingoStages: StageTable = Object.fromEntries(delegated.map((name) => [name, delegate(name)]));
