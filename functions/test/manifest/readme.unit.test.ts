// The documentation names the test that holds each guarantee: those tests have to be there. Its links and commands lead
// somewhere, every alarm has its runbook, every parameter its row, and the README stays short.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import * as params from '../../src/config/params.ts';
import { brakeKinds } from '../../src/reconcile/brakes.ts';
import { findingKinds } from '../../src/reconcile/findings.ts';

const functionsDir = join(import.meta.dirname, '..', '..');
const topDir = join(functionsDir, '..');
const textOf = (file: string) => readFileSync(file, 'utf8');
const doc = (name: string) => textOf(join(functionsDir, 'docs', name));

const pages = [join(topDir, 'README.md'), ...globSync(join(functionsDir, 'docs', '*.md')).sort()];

/** `test/x.test.ts` "a title", "another": a file, and titles in it. */
const citation = /`((?:test|bench)\/[^`*]+\.ts)`((?:,? "[^"]+")*)/g;

const mostLines = 140;
const mostColumns = 120;

describe('README', () => {
  const lines = textOf(join(topDir, 'README.md')).trimEnd().split('\n');

  it(`has at most ${mostLines} lines of at most ${mostColumns} columns`, () => {
    assert.ok(lines.length <= mostLines, `${lines.length} lines`);
    assert.deepEqual(
      lines.filter((line) => [...line].length > mostColumns),
      [],
    );
  });

  it('leads to every page of the documentation', () => {
    const readme = lines.join('\n');
    for (const page of pages.slice(1)) {
      const path = relative(topDir, page).split('\\').join('/');
      assert.ok(readme.includes(`(${path})`), `README.md does not link to ${path}`);
    }
  });
});

describe('the documentation', () => {
  it('names tests for its guarantees', () => {
    const cited = [...doc('guarantees.md').matchAll(citation)].filter(([, , titles]) => titles !== '');
    assert.ok(cited.length > 30, `${cited.length}`);
  });

  for (const page of pages) {
    const text = textOf(page);
    const name = relative(topDir, page);
    for (const [, file = '', titles = ''] of text.matchAll(citation)) {
      it(`${name} finds ${file}${titles}`, () => {
        assert.ok(existsSync(join(functionsDir, file)), file);
        const tests = textOf(join(functionsDir, file));
        for (const [, title = ''] of titles.matchAll(/"([^"]+)"/g)) {
          assert.ok(tests.includes(title), `${file} has no test "${title}"`);
        }
      });
    }

    it(`${name} has prose of at most ${mostColumns} columns`, () => {
      const isTable = (line: string) => line.trimStart().startsWith('|');
      assert.deepEqual(
        text.split('\n').filter((line) => !isTable(line) && [...line].length > mostColumns),
        [],
      );
    });

    it(`${name} links to what is there`, () => {
      for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        // Paths above the repository are those of the site that shows it.
        if (/^https?:/.test(target) || target.startsWith('../../actions/')) continue;
        assert.ok(existsSync(join(dirname(page), target)), target);
      }
    });

    it(`${name} names commands that package.json has`, () => {
      const { scripts } = z
        .object({ scripts: z.record(z.string(), z.string()) })
        .parse(JSON.parse(textOf(join(functionsDir, 'package.json'))));
      for (const [, script = ''] of text.matchAll(/npm --prefix functions run ([a-z][a-z:-]*)/g)) {
        assert.ok(script in scripts, script);
      }
    });
  }

  it('has a runbook for every alarm', () => {
    const [, union = ''] = /export type Alarm =([^;]+);/.exec(textOf(join(functionsDir, 'src', 'log.ts'))) ?? [];
    const alarms = [...union.matchAll(/'([a-z-]+)'/g)].map(([, alarm = '']) => alarm);
    assert.ok(alarms.length > 5);
    const titles = [...doc('operating.md').matchAll(/^### `([a-z-]+)`$/gm)].map(([, title = '']) => title);
    assert.deepEqual(titles.sort(), alarms.sort());
  });

  it('says how to go on after every brake, and what every finding is', () => {
    const [brakes, findings] = [doc('operating.md'), doc('reconciliation.md')];
    for (const kind of brakeKinds) assert.ok(brakes.includes(`| \`${kind}\` |`), kind);
    for (const kind of findingKinds) assert.ok(findings.includes(`\`${kind}\``), kind);
  });

  it('describes every parameter of a deployment', () => {
    const rows = doc('configuration.md');
    for (const param of Object.values(params)) {
      if (typeof param !== 'object') continue;
      const name = 'expression' in param ? param.expression.name : param.name;
      assert.ok(rows.includes(`\`${name}\``), `configuration.md does not describe ${name}`);
    }
  });
});
