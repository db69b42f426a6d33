/** src/plan/steps.ts and native/wire/operations.def have the same operations, with the same fields. */

import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

import { native } from '../support/addon.js';
import { REPOSITORY } from '../support/library.js';

const NUMBERS = ts.TypeFlags.NumberLike | ts.TypeFlags.BigIntLike | ts.TypeFlags.BooleanLike;

/** The letter of operations.def for the type of a field. */
function letterOf(type: ts.Type, checker: ts.TypeChecker): string {
  const [element] = checker.isArrayType(type)
    ? checker.getTypeArguments(type as ts.TypeReference)
    : [];
  if (element !== undefined) return letterOf(element, checker) === 's' ? 'l' : 'u';
  const parts = type.isUnion() ? type.types : [type];
  if (parts.every(({ flags }) => (flags & NUMBERS) !== 0)) return 'n';
  if (parts.every(({ flags }) => (flags & ts.TypeFlags.StringLike) !== 0)) return 's';
  throw new Error(`operations.def has no letter for ${checker.typeToString(type)}`);
}

/** @returns `name field:letter ...` of each member of StepBody, its fields sorted */
function operationsOfPlan(): string[] {
  const file = join(REPOSITORY, 'src/plan/steps.ts');
  const program = ts.createProgram([file], { strict: true, target: ts.ScriptTarget.ES2022 });
  const checker = program.getTypeChecker();
  const alias = program
    .getSourceFile(file)
    ?.statements.find(
      (node) => ts.isTypeAliasDeclaration(node) && node.name.text === 'StepBody',
    ) as ts.TypeAliasDeclaration;
  const body = checker.getTypeAtLocation(alias.name);
  if (!body.isUnion()) throw new Error('StepBody is no union');
  return body.types.map((member) => {
    const fields = new Map(
      checker
        .getPropertiesOfType(member)
        .map((property) => [property.name, checker.getTypeOfSymbol(property)]),
    );
    const op = fields.get('op');
    if (op?.isStringLiteral() !== true) throw new Error('an operation without a name');
    fields.delete('op');
    const words = [...fields].map(([name, type]) => `${name}:${letterOf(type, checker)}`);
    return [op.value, ...words.sort()].join(' ');
  });
}

test('the native side knows the operations and fields of the plan', () => {
  const known = native.operations().map((line) => {
    const [name = '', ...fields] = line.trim().split(/\s+/);
    return [name, ...fields.sort()].join(' ');
  });
  expect(known.length).toBeGreaterThan(50);
  expect(operationsOfPlan().sort()).toEqual(known.sort());
});
