/** Replies of a hostile daemon: sound to the schema of the control API, with hostile texts in every place; or not sound. */
import * as HttpApi from "@effect/platform/HttpApi"
import type * as AST from "effect/SchemaAST"

import { api } from "../../src/control/api.ts"
import { Event } from "../../src/model/event.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import * as Garbage from "./garbage.ts"

interface Endpoint {
  readonly method: string
  /** With each parameter as one segment. */
  readonly path: RegExp
  readonly replies: ReadonlyArray<{ readonly status: number; readonly ast: AST.AST }>
}

const endpoints: ReadonlyArray<Endpoint> = (() => {
  const found: Array<Endpoint> = []
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, errors, successes }) => {
      found.push({
        method: endpoint.method,
        path: new RegExp(`^${endpoint.path.replaceAll(/:[a-zA-Z]+/g, "[^/]+")}$`),
        replies: [...successes, ...errors].flatMap(([status, { ast }]) =>
          ast._tag === "Some" ? [{ status, ast: ast.value }] : []
        )
      })
    }
  })
  return found
})()

/** What a hostile daemon answers to a request. */
export const reply = (chance: Chance, method: string, target: string): { status: number; body: string } => {
  const path = target.split("?")[0]!
  const endpoint = endpoints.find((candidate) => candidate.method === method && candidate.path.test(path))
  if (endpoint === undefined || endpoint.replies.length === 0 || chance.hits(0.1)) {
    return { status: chance.pick([200, 204, 400, 404, 418, 500, 503]), body: nonsense(chance) }
  }
  const { ast, status } = chance.hits(0.8) ? endpoint.replies[0]! : chance.pick(endpoint.replies)
  const body = JSON.stringify(value(chance, ast))
  if (chance.hits(0.05)) return { status, body: body.slice(0, chance.below(body.length)) }
  return { status: chance.hits(0.03) ? chance.pick([200, 404, 500]) : status, body }
}

export const event = (chance: Chance): Event => value(chance, Event.ast) as Event

const nonsense = (chance: Chance): string =>
  chance.pick([
    "",
    "null",
    "[]",
    "{}",
    "{\"_tag\":\"InternalError\"}",
    "[".repeat(50_000),
    `{"a":${"[".repeat(10_000)}`,
    "\u001b[31m",
    JSON.stringify({ _tag: "UnknownContainer", message: Garbage.text(chance) }),
    JSON.stringify({ _tag: Garbage.text(chance), message: Garbage.text(chance) }),
    Garbage.text(chance),
    JSON.stringify(Garbage.text(chance))
  ])

/** A value of this shape; texts and numbers are hostile. */
const value = (chance: Chance, ast: AST.AST): unknown => {
  switch (ast._tag) {
    case "StringKeyword":
      return chance.hits(0.2) ? "2026-01-01T00:00:00.000Z" : Garbage.text(chance)
    case "NumberKeyword":
      return Garbage.int32(chance)
    case "BooleanKeyword":
      return chance.hits(0.5)
    case "Literal":
      return ast.literal
    case "Union":
      return value(chance, chance.pick(ast.types))
    case "Refinement":
      return value(chance, ast.from)
    case "Transformation":
      return value(chance, ast.from)
    case "Suspend":
      return value(chance, ast.f())
    case "TupleType":
      return [
        ...ast.elements.map((element) => value(chance, element.type)),
        ...ast.rest.flatMap((rest) => Array.from({ length: chance.below(4) }, () => value(chance, rest.type)))
      ]
    case "TypeLiteral":
      return Object.fromEntries([
        ...ast.propertySignatures.filter(({ isOptional }) => !isOptional || chance.hits(0.5)).map((
          { name, type }
        ) => [name, value(chance, type)]),
        ...ast.indexSignatures.flatMap(({ type }) =>
          Array.from({ length: chance.below(3) }, () => [Garbage.text(chance), value(chance, type)])
        )
      ])
    case "Declaration":
    case "UndefinedKeyword":
    case "VoidKeyword":
      return undefined
    default:
      return JSON.parse(chance.pick(["null", "1", "{\"__proto__\":{\"polluted\":true}}", "[]"])) as unknown
  }
}
