// Lint rules. The blocks below the presets say what is particular to tsrun:
// the core in src/ must run on two hosts, Node and QuickJS, so it uses nothing
// that only one of them has.

import { builtinModules } from 'node:module';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The files of src/ that belong to the Node host. Everything else is the core. */
const NODE_HOST = ['src/native/node.ts', 'src/cli/main-node.ts'];

/** What the executable's engine is linked without (native/quickjs/host.cc). */
const ABSENT_MATH = [
  ...['sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'atan2', 'sinh', 'cosh', 'tanh'],
  ...['asinh', 'acosh', 'atanh', 'expm1', 'log1p', 'cbrt'],
];

/** Globals of Node or of browsers that the language itself does not have. */
const HOST_GLOBALS = [
  'AbortController',
  'AbortSignal',
  'Blob',
  'BroadcastChannel',
  'Buffer',
  'Event',
  'EventTarget',
  'Intl',
  'MessageChannel',
  'TextDecoder',
  'TextEncoder',
  'URL',
  'URLSearchParams',
  'WebAssembly',
  '__dirname',
  '__filename',
  'atob',
  'btoa',
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'exports',
  'fetch',
  'global',
  'globalThis',
  'module',
  'navigator',
  'performance',
  'process',
  'queueMicrotask',
  'require',
  'setImmediate',
  'setInterval',
  'setTimeout',
  'structuredClone',
];

export default defineConfig(
  {
    ignores: [
      '**/node_modules/',
      'dist/',
      'coverage/',
      'tmp/',
      'native/build*/',
      'spec/generated/',
      'test/fixtures/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: 'error',
      'no-console': 'off',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'separate-type-imports' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // A number in a template is what error messages are made of.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: false, allowNullish: false },
      ],
      // Fixed-size data and bit masks read better as written.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
    },
  },

  {
    files: ['src/**/*.ts'],
    ignores: NODE_HOST,
    rules: {
      'no-restricted-globals': [
        'error',
        ...HOST_GLOBALS.map((name) => ({
          name,
          message: 'The core runs on QuickJS too: go through the native interface (src/native/).',
        })),
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: builtinModules.map((name) => ({
            name,
            message: 'Only src/native/node.ts and src/cli/main-node.ts import modules of Node.',
          })),
          patterns: [
            {
              regex: '^node:',
              message: 'Only src/native/node.ts and src/cli/main-node.ts import modules of Node.',
            },
          ],
        },
      ],
      'no-restricted-properties': [
        'error',
        {
          object: 'BigInt',
          property: 'asUintN',
          message: 'QuickJS 2025.04.26 gets negative numbers wrong: mask with & instead.',
        },
        { object: 'Error', property: 'captureStackTrace', message: 'QuickJS has none.' },
        ...ABSENT_MATH.map((property) => ({
          object: 'Math',
          property,
          message: 'The executable has none (native/quickjs/no-trigonometry.cc).',
        })),
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'Program > ExpressionStatement > AwaitExpression',
          message: 'A module does no work when it is loaded.',
        },
      ],
    },
  },

  {
    files: ['test/**/*.ts'],
    rules: {
      // Assertions are about what could be missing; the test fails when it is.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // expect(object.method) is how a spy is looked at.
      '@typescript-eslint/unbound-method': 'off',
    },
  },

  // Plain JavaScript: scripts, benchmarks, examples, this file.
  {
    files: ['**/*.{js,mjs}'],
    ...tseslint.configs.disableTypeChecked,
  },
);
