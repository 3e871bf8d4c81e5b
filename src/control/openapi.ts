/** The control API's OpenAPI document, made from the contract. */
import * as OpenApi from "@effect/platform/OpenApi"

import { api } from "./api.ts"

export const openApiText = (): string => JSON.stringify(OpenApi.fromApi(api), null, 2)
