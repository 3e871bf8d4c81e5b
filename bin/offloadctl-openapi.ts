/** What `offloadctl openapi` alone needs: the contract and what describes it. */
import { openApiText } from "../src/control/openapi.ts"

export const text = openApiText
