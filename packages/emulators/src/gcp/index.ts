export type { Controls } from '../shared/controls.ts'
