/** This process's environment without a proxy: what runs on the loopback is not asked for elsewhere. */
export const direct: NodeJS.ProcessEnv = { ...process.env }

for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'].flatMap(one => [one, one.toLowerCase()])) delete direct[name]
