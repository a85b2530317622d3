import ts from 'typescript';

const ID = /\b(?:process|redis|postgres|provider|conversation|webhook|input|media|load)-\d+\b/g;

/**
 * Ids of faults in the titles of a spec's tests: in the title itself, in the table that fills it, and in the constants of
 * the file that they name. A test that is always skipped has no title here.
 */
export function faultsInTitles(file: string, text: string): Set<string> {
  const found = new Set<string>();
  if (text.search(ID) < 0) return found;
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const constants = new Map<string, ts.Expression>();
  const collect = (node: ts.Node, seen = new Set<string>()): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      for (const [id] of node.text.matchAll(ID)) found.add(id);
    }
    if (ts.isIdentifier(node) && !seen.has(node.text)) {
      seen.add(node.text);
      const value = constants.get(node.text);
      if (value) collect(value, seen);
    }
    node.forEachChild((child) => collect(child, seen));
  };
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer) {
      constants.set(node.name.text, node.initializer);
    }
    if (ts.isCallExpression(node)) {
      const table = tableOf(node);
      const [title] = node.arguments;
      if (table !== undefined && title) {
        collect(title);
        for (const part of table) collect(part);
      }
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

/** What fills the titles of a call that makes tests (`it(…)`, `it.each(table)(…)`); undefined for any other call. */
function tableOf(call: ts.CallExpression): readonly ts.Expression[] | undefined {
  let callee = call.expression;
  let table: readonly ts.Expression[] = [];
  const names: string[] = [];
  for (;;) {
    if (ts.isPropertyAccessExpression(callee)) {
      names.push(callee.name.text);
      callee = callee.expression;
    } else if (ts.isCallExpression(callee)) {
      // The table of `each`; the condition of `skipIf` fills nothing.
      const { expression } = callee;
      if (ts.isPropertyAccessExpression(expression) && expression.name.text === 'each') {
        table = callee.arguments;
      }
      callee = expression;
    } else break;
  }
  const makesTests = ts.isIdentifier(callee) && (callee.text === 'it' || callee.text === 'test');
  if (!makesTests || names.includes('skip') || names.includes('todo')) return undefined;
  const isPreparing =
    ts.isPropertyAccessExpression(call.expression) && /^(each|skipIf|runIf)$/.test(call.expression.name.text);
  return isPreparing ? undefined : table;
}
