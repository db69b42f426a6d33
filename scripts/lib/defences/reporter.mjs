// A vitest reporter for defences.mjs: every test that ran, and the whole of what
// failed in it, into the file that TSRUN_DEFENCES_RESULTS names.

import { writeFileSync } from 'node:fs';

/** Without the lines of the source, which would match any pattern about themselves. */
const textOf = ({ message = '', diff = '' }) =>
  `${message}\n${diff}`.replaceAll(/\u001b\[[0-9;]*m/g, '');

export default class DefencesReporter {
  onTestRunEnd(modules, unhandled) {
    const tests = [];
    const errors = unhandled.map(textOf);
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state, errors: failures = [] } = test.result();
        tests.push({
          file: module.relativeModuleId,
          name: test.fullName.replaceAll(' > ', ' '),
          state,
          errors: failures.map(textOf),
        });
      }
      errors.push(...module.errors().map(textOf));
      for (const suite of module.children.allSuites()) errors.push(...suite.errors().map(textOf));
    }
    writeFileSync(process.env['TSRUN_DEFENCES_RESULTS'], JSON.stringify({ tests, errors }));
  }
}
