// What is told: to a terminal or a log (row W), and to managers (row Y).

const file = 'test/security/terminal-escapes.test.ts';
const ANSWERS = {
  file,
  name: 'the tables and answers about a container are text, and JSON is true',
  message: /not to match/,
};
const faults = (fault) => ({
  file,
  name: '%s is told as text, in a log too',
  title: `${fault} is told as text, in a log too`,
  message: /not to match/,
});

export const output = [
  {
    rows: ['W'],
    what: 'a cell of a table may hold anything',
    changes: [{ file: 'src/cli/columns.ts', from: '${printable(line)}\\n', to: '${line}\\n' }],
    build: 'executable',
    test: ANSWERS,
  },
  {
    rows: ['W'],
    what: 'what a ps program prints goes on as it is',
    changes: [
      {
        file: 'src/cli/process-table.ts',
        from: '`${printableBytes(line.subarray(0, -1))}\\n`',
        to: 'line',
      },
    ],
    build: 'executable',
    test: ANSWERS,
  },
  {
    rows: ['W'],
    what: 'answers in JSON may hold C1 characters and others',
    changes: [
      {
        file: 'src/cli/output.ts',
        from: 'escapedJson(stringifyJson(value, indent))',
        to: 'stringifyJson(value, indent)',
      },
    ],
    build: 'executable',
    test: ANSWERS,
  },
  {
    rows: ['W'],
    what: 'an error on standard error may hold anything',
    changes: [
      {
        file: 'src/cli/log.ts',
        from: "printable(message.replace(/\\s*\\n\\s*/g, '; '))",
        to: "message.replace(/\\s*\\n\\s*/g, '; ')",
      },
    ],
    build: 'executable',
    test: faults('a program that is not there'),
  },
  {
    rows: ['W'],
    what: 'a log as text may hold C1 characters and others',
    changes: [
      {
        file: 'src/cli/log.ts',
        from: 'escapedJson(JSON.stringify(message))',
        to: 'JSON.stringify(message)',
      },
    ],
    build: 'executable',
    test: faults('a target that is not there'),
  },
  {
    rows: ['W'],
    what: 'a log as JSON may hold C1 characters and others',
    changes: [
      {
        file: 'src/cli/log.ts',
        from: 'escapedJson(JSON.stringify({ level, msg: message, time }))',
        to: 'JSON.stringify({ level, msg: message, time })',
      },
    ],
    build: 'executable',
    test: faults('a target that is not there'),
  },
  {
    rows: ['W'],
    what: 'format characters of Unicode are taken for text',
    changes: [
      {
        file: 'src/printable.ts',
        from: '\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f',
        to: '',
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/printable.test.ts',
      name: 'becomes question marks for people',
      message: /to be 'a\?+b'/,
    },
  },
  {
    rows: ['Y'],
    what: 'features does not tell which annotations are obeyed',
    changes: [
      {
        file: 'src/features.ts',
        from: '[...OBEYED_ANNOTATIONS]',
        to: '[]',
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/annotations.test.ts',
      name: 'features lists all of them, and a prefix by its dot at the end',
      message: /to deeply equal/,
    },
  },
  {
    rows: ['Y'],
    what: 'an annotation is obeyed that is not in the table',
    changes: [
      {
        file: 'src/plan/user-namespace.ts',
        from: 'annotation(annotations, KEEP_GROUPS)',
        to: "annotations?.['run.oci.other']",
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/annotations.test.ts',
      name: 'no other file looks into annotations, or names one',
      message: /not to match/,
    },
  },
];
