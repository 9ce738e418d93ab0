import type { Backend } from './backends/backend.ts'
import type { Database } from './databases/database.ts'
import type { Finding } from './invariants.ts'
export interface SoakOptions { readonly backends: readonly Backend[]; readonly databases: readonly Database[]; readonly minutes: number; readonly seed: number; readonly onRound: (line: string) => void }
export interface Round { readonly name: string; readonly operations: number; readonly kills: number; readonly findings: readonly Finding[] }
export async function soak(_: SoakOptions): Promise<readonly Round[]> { return [] }
