/** The other end of the administrator's door, for tests and for `npu-sim admin`. */
import { request } from "node:http"

import type { Inspection } from "../engine/inspect.ts"

export interface AdminState {
  /** Absent with a real container engine. */
  readonly engine?: Inspection
  readonly server: {
    readonly host: string
    readonly port: number
    readonly listening: boolean
    readonly silent: boolean
    readonly connections: number
    readonly stalled: boolean
  }
  /** Calls taken since the start, by method. */
  readonly calls: Readonly<Record<string, number>>
}

/** Verb → its sentence and the names of its parameters, in order. */
export type AdminVerbs = Readonly<
  Record<string, { readonly summary: string; readonly parameters: ReadonlyArray<string> }>
>

/** Does a verb; rejects with the NPU's own sentence. */
export const administer = async (
  path: string,
  verb: string,
  args: Readonly<Record<string, string | number>> = {}
): Promise<void> => {
  await exchange(path, "POST", `/${verb}`, JSON.stringify(args))
}

export const state = async (path: string): Promise<AdminState> => await exchange(path, "GET", "/state") as AdminState

export const verbs = async (path: string): Promise<AdminVerbs> => await exchange(path, "GET", "/") as AdminVerbs

const exchange = (path: string, method: string, url: string, body = ""): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const call = request({ socketPath: path, method, path: url, agent: false }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("error", reject)
      response.on("end", () => {
        const value = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { readonly error?: string }
        if (response.statusCode === 200) resolve(value)
        else reject(new Error(value.error ?? `status ${response.statusCode}`))
      })
    })
    call.on("error", reject)
    call.end(body)
  })
