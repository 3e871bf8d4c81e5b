/**
 * Counts every branch of the judgement (src/decide) that a simulation takes:
 * both arms of a condition, each case, each operand behind `&&`, `||` and `??`,
 * and each function. The sources are marked while they are bundled, since V8's
 * own counts of that kind cost half of the simulator's speed.
 */
import { createRequire } from "node:module"

const folder = "src/decide/"
/** Recordings and their replay stand beside the step, not in it. */
const beside = [`${folder}recording.ts`, `${folder}replay.ts`]

export const isJudged = (file) => file.startsWith(folder) && !beside.includes(file)

/** The global under which the counters live in the bundle: an array, by number of branch. */
const counters = "__branches"

/**
 * Marks the branches of sources, one after another; `names` grows with them, and
 * the place of a name is its branch's number.
 */
export const makeMarker = () => {
  const typescript = createRequire(import.meta.url)("typescript")
  const names = []
  return { names, mark: (file, text) => mark(typescript, names, file, text) }
}

/** More than there are branches. */
const room = 4096

/** Runs before everything else in the bundle. */
export const prelude = `const ${counters} = globalThis.${counters} = new Array(${room}).fill(0);`

const mark = (typescript, names, file, text) => {
  const source = typescript.createSourceFile(file, text, typescript.ScriptTarget.ES2022, true)
  const lines = text.split("\n")
  const insertions = []
  const insert = (at, what) => insertions.push({ at, what, order: insertions.length })

  const number = (node, arm, end = node.getEnd()) => {
    if (names.length >= room) throw new Error(`there are more than ${room} branches`)
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source))
    const words = text.slice(node.getStart(source), end).replace(/\s+/g, " ").trim()
    names.push({
      place: `${file}:${line + 1}`,
      line: lines[line],
      arm,
      text: words.length > 90 ? `${words.slice(0, 89)}…` : words
    })
    return `${counters}[${names.length - 1}]++`
  }
  const wrap = (node, arm, counter = number(node, arm)) => {
    insert(node.getStart(source), `(${counter}, (`)
    visit(node)
    insert(node.getEnd(), "))")
  }
  const block = (node, counter) => {
    if (typescript.isBlock(node)) {
      insert(node.getStart(source) + 1, `${counter};`)
      visit(node)
      return
    }
    insert(node.getStart(source), `{${counter};`)
    visit(node)
    insert(node.getEnd(), "}")
  }

  const visit = (node) => {
    if (typescript.isIfStatement(node)) {
      visit(node.expression)
      block(node.thenStatement, number(node.expression, "if"))
      if (node.elseStatement === undefined) insert(node.getEnd(), ` else ${number(node.expression, "if not")};`)
      else block(node.elseStatement, number(node.expression, "if not"))
    } else if (typescript.isConditionalExpression(node)) {
      visit(node.condition)
      wrap(node.whenTrue, "?")
      wrap(node.whenFalse, ":")
    } else if (typescript.isCaseOrDefaultClause(node)) {
      const colon = typescript.isCaseClause(node) ? node.expression.getEnd() : node.getStart(source) + "default".length
      insert(text.indexOf(":", colon) + 1, `${number(node, "case")};`)
      typescript.forEachChild(node, visit)
    } else if (typescript.isBinaryExpression(node) && ["&&", "||", "??"].includes(node.operatorToken.getText(source))) {
      visit(node.left)
      wrap(node.right, node.operatorToken.getText(source))
    } else if (typescript.isFunctionLike(node) && node.body !== undefined) {
      for (const parameter of node.parameters) visit(parameter)
      const counter = number(node, "function", node.body.getStart(source))
      if (typescript.isBlock(node.body)) block(node.body, counter)
      else wrap(node.body, "function", counter)
    } else typescript.forEachChild(node, visit)
  }
  visit(source)

  // At one place, what was put there first stands first; of ends, too.
  insertions.sort((left, right) => left.at - right.at || left.order - right.order)
  let marked = ""
  let from = 0
  for (const { at, what } of insertions) {
    marked += text.slice(from, at) + what
    from = at
  }
  return marked + text.slice(from)
}
