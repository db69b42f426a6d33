/**
 * Functions that accept what a JSON Schema accepts, and say nothing about what
 * they refuse: the quick way for documents that are good, as nearly all are.
 * The validators of ajv cost five times as much, to be able to name every
 * problem; they are asked only for what is not accepted here.
 *
 * They know the keywords that the schemas in spec/ use, and no others: a schema
 * with another one stops the build. Integers beyond 2^53 are refused too: what
 * JSON.parse made of such a number may have been rounded.
 */

const described = ['$schema', '$comment', '$defs', 'title', 'description', 'tsType', 'format'];
const SAFE = 9007199254740991;

/** Conditions (JavaScript) that cost less than the regular expression, `@` being the text. */
const cheapPatterns = {
  '^[^\\u0000]*$': "!@.includes('\\0')",
  '^[^\\u0000]+$': "@ !== '' && !@.includes('\\0')",
  '^/[^\\u0000]*$': "@.charCodeAt(0) === 0x2f && !@.includes('\\0')",
  '^(/[^\\u0000]*)?$': "(@ === '' || @.charCodeAt(0) === 0x2f) && !@.includes('\\0')",
};

/**
 * @param schema with $defs
 * @param names exported function -> definition, '' for the whole schema
 * @returns an ECMAScript module
 */
export function acceptModule(schema, names) {
  const definitions = schema.$defs;
  const functions = new Map();
  const queue = [];
  let variables = 0;
  const variable = () => `v${variables++}`;

  /** A definition that is a value and not a structure is written out where it is used. */
  const isSmall = (node) => !node.properties && !node.items && !node.additionalProperties;

  function functionOf(name) {
    if (!functions.has(name)) {
      functions.set(name, '');
      queue.push(name);
    }
    return `is${name}`;
  }

  function keywordsOf(node, known, at) {
    for (const key of Object.keys(node)) {
      if (!known.includes(key) && !described.includes(key))
        throw new Error(`${at}: keyword ${key}`);
    }
  }

  const refuseUnless = (condition) => `if (!(${condition})) return false;`;

  /** Statements that return false unless `value`, the name of a variable, is accepted. */
  function statements(node, value, at) {
    if (node.$ref !== undefined) {
      keywordsOf(node, ['$ref'], at);
      const name = /^#\/\$defs\/(\w+)$/.exec(node.$ref)[1];
      if (isSmall(definitions[name])) return statements(definitions[name], value, node.$ref);
      return refuseUnless(`${functionOf(name)}(${value})`);
    }
    switch (node.type) {
      case 'boolean':
        keywordsOf(node, ['type'], at);
        return refuseUnless(`typeof ${value} === 'boolean'`);
      case 'integer': {
        keywordsOf(node, ['type', 'minimum', 'maximum'], at);
        const least = Math.max(node.minimum ?? (node.format === 'uint64' ? 0 : -SAFE), -SAFE);
        const most = Math.min(node.maximum ?? SAFE, SAFE);
        return refuseUnless(
          `typeof ${value} === 'number' && ${value} >= ${least} && ${value} <= ${most} && ${value} % 1 === 0`,
        );
      }
      case 'string':
        return stringStatements(node, value, at);
      case 'array':
        return arrayStatements(node, value, at);
      case 'object':
        return objectStatements(node, value, at);
      default:
        throw new Error(`${at}: type ${node.type}`);
    }
  }

  function stringStatements(node, value, at) {
    keywordsOf(node, ['type', 'enum', 'pattern', 'patternErrorMessage'], at);
    let code = refuseUnless(`typeof ${value} === 'string'`);
    if (node.enum !== undefined) {
      const equal = node.enum.map((item) => `${value} === ${JSON.stringify(item)}`);
      code += refuseUnless(equal.join(' || '));
    }
    if (node.pattern !== undefined) {
      const cheap = cheapPatterns[node.pattern]?.replaceAll('@', value);
      code += refuseUnless(cheap ?? `${new RegExp(node.pattern, 'u')}.test(${value})`);
    }
    return code;
  }

  function arrayStatements(node, value, at) {
    keywordsOf(node, ['type', 'items', 'minItems'], at);
    let code = refuseUnless(`Array.isArray(${value})`);
    if (node.minItems !== undefined) code += refuseUnless(`${value}.length >= ${node.minItems}`);
    if (node.items !== undefined) {
      const [index, item] = [variable(), variable()];
      code += `for (let ${index} = 0; ${index} < ${value}.length; ${index}++) {
        const ${item} = ${value}[${index}];
        ${statements(node.items, item, `${at}/items`)}
      }`;
    }
    return code;
  }

  function objectStatements(node, value, at) {
    const known = ['type', 'properties', 'required', 'additionalProperties', 'anyOf', 'if', 'then'];
    keywordsOf(node, known, at);
    const { properties = {}, required = [], additionalProperties } = node;
    let code = refuseUnless(
      `typeof ${value} === 'object' && ${value} !== null && !Array.isArray(${value})`,
    );
    for (const name of required) {
      if (properties[name] === undefined) throw new Error(`${at}: required ${name} is no property`);
    }
    for (const [name, child] of Object.entries(properties)) {
      const member = variable();
      const checks = statements(child, member, `${at}/${name}`);
      code += `const ${member} = ${value}[${JSON.stringify(name)}];`;
      // What is required and not there is of no type.
      code += required.includes(name) ? checks : `if (${member} !== undefined) { ${checks} }`;
    }
    if (additionalProperties !== undefined) {
      const key = variable();
      const others = Object.keys(properties).map((name) => `${key} !== ${JSON.stringify(name)}`);
      const member = variable();
      const checks =
        additionalProperties === false
          ? 'return false;'
          : `const ${member} = ${value}[${key}];
             ${statements(additionalProperties, member, `${at}/additionalProperties`)}`;
      code += `for (const ${key} in ${value}) {
        ${others.length === 0 ? checks : `if (${others.join(' && ')}) { ${checks} }`}
      }`;
    }
    if (node.anyOf !== undefined) {
      const one = node.anyOf.map((choice) => {
        keywordsOf(choice, ['required'], `${at}/anyOf`);
        return choice.required.map((name) => `${value}[${JSON.stringify(name)}] !== undefined`);
      });
      code += refuseUnless(one.map((all) => all.join(' && ')).join(' || '));
    }
    if (node.if !== undefined) {
      keywordsOf(node.if, ['properties', 'required'], `${at}/if`);
      keywordsOf(node.then, ['required'], `${at}/then`);
      const conditions = Object.entries(node.if.properties).map(([name, child]) => {
        keywordsOf(child, ['enum'], `${at}/if/${name}`);
        if (!node.if.required.includes(name)) throw new Error(`${at}/if: ${name} is not required`);
        const equal = child.enum.map(
          (item) => `${value}[${JSON.stringify(name)}] === ${JSON.stringify(item)}`,
        );
        return `(${equal.join(' || ')})`;
      });
      const needs = node.then.required.map(
        (name) => `${value}[${JSON.stringify(name)}] === undefined`,
      );
      code += `if (${conditions.join(' && ')} && (${needs.join(' || ')})) return false;`;
    }
    return code;
  }

  let text = '';
  for (const [exported, name] of Object.entries(names)) {
    const root = name === '' ? schema : { $ref: `#/$defs/${name}` };
    text += `export function ${exported}(value) { ${statements(root, 'value', '')} return true; }\n`;
  }
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    text += `function is${name}(value) { ${statements(definitions[name], 'value', name)} return true; }\n`;
  }
  return text;
}
