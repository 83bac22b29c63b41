/** Deliberate bugs: small changes of source text, one at a time, that some test should notice. */
import { type Node, parseSync, visitorKeys } from 'oxc-parser';

/** One change of a source file. */
export interface Change {
  operator: string;
  /** Range of the text that is replaced, in UTF-16 code units. */
  start: number;
  end: number;
  replacement: string;
}

/** What replaces an operator; `<` moves a boundary and turns around. */
const BINARY: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '**': ['*'],
  '&': ['|'],
  '|': ['&'],
  '^': ['&'],
  '<<': ['>>'],
  '>>>': ['<<'],
  '&&': ['||'],
  '||': ['&&'],
  '??': ['&&'],
};
const ASSIGNMENT: Readonly<Record<string, string>> = {
  '+=': '-=',
  '-=': '+=',
  '*=': '/=',
  '/=': '*=',
  '??=': '=',
  '||=': '=',
  '|=': '&=',
};

/** Methods that another one replaces; null: the call is left out, its object stays. */
const METHODS: Readonly<Record<string, string | null>> = {
  some: 'every',
  every: 'some',
  find: 'findLast',
  findIndex: 'findLastIndex',
  indexOf: 'lastIndexOf',
  lastIndexOf: 'indexOf',
  push: 'unshift',
  shift: 'pop',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
  min: 'max',
  max: 'min',
  floor: 'ceil',
  ceil: 'floor',
  flatMap: 'map',
  filter: null,
  sort: null,
  toSorted: null,
  reverse: null,
  toReversed: null,
  slice: null,
  subarray: null,
  fill: null,
  concat: null,
  trim: null,
};

type Rule<N extends Node['type']> = (node: Extract<Node, { type: N }>, source: string) => Change[];

/** The changes of a node, by its type; what lies below it has its own. */
const RULES: { readonly [N in Node['type']]?: Rule<N> } = {
  BinaryExpression: (node, source) =>
    node.operator === '+' && (isText(node.left) || isText(node.right)) ? [] : infix(node, source),
  LogicalExpression: infix,
  AssignmentExpression: (node, source) => {
    const replacement = ASSIGNMENT[node.operator];
    return replacement ? [between('assignment', node, replacement, source)] : [];
  },
  UpdateExpression: (node) => {
    const position = node.prefix ? node.start : node.end - 2;
    return [
      {
        operator: 'arithmetic',
        start: position,
        end: position + 2,
        replacement: node.operator === '++' ? '--' : '++',
      },
    ];
  },
  UnaryExpression: ({ operator, start, argument }) =>
    operator === '!' || operator === '-'
      ? [{ operator: 'unary', start, end: argument.start, replacement: '' }]
      : [],
  IfStatement: ({ test }, source) => [negated(test, source)],
  ConditionalExpression: ({ test }, source) => [negated(test, source)],
  Literal: (node) => {
    if (typeof node.value === 'boolean') return [replaced('constant', node, String(!node.value))];
    return typeof node.value === 'number'
      ? [replaced('constant', node, String(node.value === 1 ? 0 : node.value + 1))]
      : [];
  },
  CallExpression: (node) => {
    const { callee } = node;
    if (callee.type !== 'MemberExpression' || callee.computed || callee.property.type !== 'Identifier')
      return [];
    const { property, object } = callee;
    const replacement = METHODS[property.name];
    if (replacement === undefined) return [];
    return replacement === null
      ? [{ operator: 'method', start: object.end, end: node.end, replacement: '' }]
      : [replaced('method', property, replacement)];
  },
  ExpressionStatement: (node) => ('directive' in node && node.directive ? [] : [removed(node)]),
  ThrowStatement: (node) => [removed(node)],
  ContinueStatement: (node) => [removed(node)],
  BreakStatement: (node) => [removed(node)],
  ReturnStatement: (node) =>
    node.argument ? [replaced('return', node.argument, 'undefined')] : [removed(node)],
  ArrowFunctionExpression: ({ body }) =>
    body.type === 'BlockStatement' ? [] : [replaced('return', body, 'undefined')],
};

/** Every change of a file, in the order of its text. @throws Error when it does not parse */
export function changesOf(file: string, source: string): Change[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const changes: Change[] = [];
  const visit = (node: Node): void => {
    if (isOnlyType(node)) return;
    const rule = RULES[node.type] as Rule<Node['type']> | undefined;
    changes.push(...(rule?.(node, source) ?? []));
    for (const key of visitorKeys[node.type] ?? []) {
      // A loop that counts the other way only hangs.
      if (node.type === 'ForStatement' && key === 'update') continue;
      const child: unknown = node[key as keyof Node];
      for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) visit(one);
    }
  };
  visit(program);
  return changes
    .filter(({ start, end, replacement }) => source.slice(start, end) !== replacement)
    .sort((a, b) => a.start - b.start || a.end - b.end);
}

export function applyChange(source: string, { start, end, replacement }: Change): string {
  return source.slice(0, start) + replacement + source.slice(end);
}

/** Around values there may be types, but no statement or value is inside a type. */
const VALUES_WITH_TYPES = ['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression'];

function isOnlyType({ type }: Node): boolean {
  return (type.startsWith('TS') && !VALUES_WITH_TYPES.includes(type)) || type === 'ImportDeclaration';
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

/** Whether `+` at this operand joins texts. */
function isText(node: Node): boolean {
  if (node.type === 'TemplateLiteral') return true;
  if (node.type === 'Literal') return typeof node.value === 'string';
  return node.type === 'BinaryExpression' && (isText(node.left) || isText(node.right));
}

interface Operands {
  operator: string;
  left: { end: number };
  right: { start: number };
}

function infix(node: Operands, source: string): Change[] {
  const kind = ['&&', '||', '??'].includes(node.operator)
    ? 'logical'
    : /[<>=]/.test(node.operator) && !['<<', '>>>'].includes(node.operator)
      ? 'comparison'
      : 'arithmetic';
  return (BINARY[node.operator] ?? []).map((replacement) => between(kind, node, replacement, source));
}

/** Replaces the operator that stands between two operands. */
function between(
  kind: string,
  { operator, left, right }: Operands,
  replacement: string,
  source: string,
): Change {
  const start = left.end + source.slice(left.end, right.start).indexOf(operator);
  return { operator: kind, start, end: start + operator.length, replacement };
}

function negated(test: Node, source: string): Change {
  return replaced('condition', test, `!(${source.slice(test.start, test.end)})`);
}

function replaced(operator: string, { start, end }: Node, replacement: string): Change {
  return { operator, start, end, replacement };
}

function removed({ start, end }: Node): Change {
  return { operator: 'removal', start, end, replacement: ';' };
}
