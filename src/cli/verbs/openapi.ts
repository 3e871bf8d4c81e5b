import { openapi } from "../openapi.ts"
import { verb } from "../verb.ts"

export const command = verb("openapi", "Prints the control API's OpenAPI document.", {}, () => openapi)
