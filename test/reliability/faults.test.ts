/** Every system call of a command fails or is the last: docs/reliability.md. */

import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Trial, countIn, faultsOf, noCounts, textOf } from './support/faults.js';
import type { Counts, Finding } from './support/faults.js';
import { executable } from './support/executable.js';
import { makeStage } from './support/stage.js';
import type { Stage } from './support/stage.js';
import { SUBJECTS } from './support/subjects.js';

const PARTS = 20;
const DAY = 24 * 60 * 60 * 1000;
const {
  TSRUN_FAULTS: chosen = (Math.floor(Date.now() / DAY) % PARTS).toString(),
  TSRUN_FAULTS_OF: only = '',
  TSRUN_FAULTS_REPORT: report,
} = process.env;

let stage: Stage;
const table = new Map<string, Counts>();

beforeAll(() => {
  console.log(
    `faults: part ${chosen} of ${PARTS.toString()} (TSRUN_FAULTS=${chosen} makes the same again)`,
  );
  stage = makeStage(executable());
});

afterAll(() => {
  stage.remove();
});

const tell = (line: string): void => {
  if (report !== undefined) appendFileSync(report, `${line}\n`);
};

describe.each(SUBJECTS.filter(({ name }) => only === '' || only.split(' ').includes(name)))(
  '$name',
  (subject) => {
    test.each(subject.parts)('%s', { timeout: 7_200_000 }, (part) => {
      const trial = new Trial(stage, subject);
      const counts = noCounts();
      table.set(`${subject.name} ${part}`, counts);
      const findings: Finding[] = [];
      const names = trial.count(part);
      counts.calls = names.length;
      let tried = 0;
      faultsOf(subject.name, part, names).forEach((fault, index) => {
        const isChosen = chosen === 'all' || index % PARTS === Number(chosen);
        if (!isChosen && !textOf(fault).startsWith(chosen)) return;
        tried += 1;
        const found = trial.try(fault);
        countIn(counts, found);
        findings.push(...(found ?? []));
        for (const { kind, text } of found ?? [])
          tell(`${textOf(fault)}: ${kind}: ${text.replaceAll('\n', ' | ')}`);
      });
      trial.end();
      tell(`# ${subject.name} ${part} ${JSON.stringify(counts)}`);
      const lines = findings.map(
        (finding) => `${textOf(finding)}: ${finding.kind}: ${finding.text}`,
      );
      expect(lines).toEqual([]);
      // The order of two processes differs now and then; a sweep that misses more shows nothing.
      expect(counts.faults).toBeGreaterThanOrEqual(Math.floor(0.8 * tried));
    });
  },
);
