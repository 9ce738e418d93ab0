/** A part with some of its methods replaced; the others are called on it as before, whatever it is made of. */
export function changed<Part extends object>(part: Part, changes: Partial<Part>): Part {
  return new Proxy(part, {
    get(source, name) {
      if (Object.hasOwn(changes, name)) return Reflect.get(changes, name)
      const value: unknown = Reflect.get(source, name)
      return typeof value === 'function' ? (...parameters: unknown[]): unknown => Reflect.apply(value, source, parameters) : value
    },
  })
}
