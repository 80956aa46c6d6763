// What is wrong with some JSON text, and where: browsers say it in different ways, some without the place.
const MOST_DEPTH = 200;
const KINDS = { string: "text", number: "a number", boolean: "a boolean" };
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const LONE = /\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}/;

/** {message, place}, or null when the text is JSON that may be sent. `shape` is "object" or "any" (also nothing at all). */
export function mistake(text, shape, mostBytes) {
  const bytes = new Blob([text]).size;
  if (bytes > mostBytes) return { message: `This is ${Math.ceil(bytes / 1024)} KB: at most ${Math.floor(mostBytes / 1024)} KB can be sent.` };
  if (!text.trim()) return shape === "object" ? { message: "Nothing is here: give {} for an empty object.", place: 0 } : null;
  try {
    const reader = new Reader(text);
    reader.document();
    return wrongKind(JSON.parse(text), shape);
  } catch (error) {
    return error instanceof Wrong ? { message: `${position(text, error.place)}: ${error.message}.`, place: error.place } : { message: error.message };
  }
}

function wrongKind(value, shape) {
  if (shape !== "object" || (value !== null && typeof value === "object" && !Array.isArray(value))) return null;
  const kind = value === null ? "null" : Array.isArray(value) ? "a list" : KINDS[typeof value];
  return { message: `This is ${kind}: an object is needed, such as {}.`, place: 0 };
}

function position(text, place) {
  const before = text.slice(0, place);
  return `Line ${before.split("\n").length}, column ${place - before.lastIndexOf("\n")}`;
}

class Wrong extends Error {
  constructor(message, place) {
    super(message);
    this.place = place;
  }
}

class Reader {
  place = 0;

  constructor(text) { this.text = text; }

  document() {
    this.value(0);
    if (this.peek() !== undefined) this.fail("nothing may follow the value");
  }

  value(depth) {
    const first = this.peek();
    if (first === "{" || first === "[") {
      if (depth === MOST_DEPTH) this.fail(`nested over ${MOST_DEPTH} levels deep`);
      this.place++;
      if (first === "{") this.entries("}", () => this.field(depth));
      else this.entries("]", () => this.value(depth + 1));
    } else if (first === '"') this.string();
    else if (!this.match(NUMBER) && !this.match(WORD)) this.fail(first === undefined ? "the text ends too early" : "a value is expected");
  }

  field(depth) {
    if (this.peek() !== '"') this.fail("a key in double quotes is expected");
    this.string();
    if (this.peek() !== ":") this.fail("a colon is expected");
    this.place++;
    this.value(depth + 1);
  }

  entries(end, read) {
    if (this.peek() === end) this.place++;
    else {
      do read(); while (this.peek() === "," && ++this.place);
      if (this.peek() !== end) this.fail(this.peek() === undefined ? "the text ends too early" : `a comma or ${end} is expected`);
      this.place++;
    }
  }

  string() {
    const start = this.place;
    const content = this.match(STRING);
    const lone = LONE.exec(content);
    if (lone) this.fail("half of a surrogate pair, which is no text", start + lone.index);
    if (this.text[this.place] !== '"') this.fail(this.place < this.text.length ? "this may not stand in a text: escape it" : "the text ends too early");
    this.place++;
  }

  /** The next character that is no blank. */
  peek() {
    while (" \t\n\r".includes(this.text[this.place] ?? "!")) this.place++;
    return this.text[this.place];
  }

  match(pattern) {
    pattern.lastIndex = this.place;
    const [found] = pattern.exec(this.text) ?? [""];
    this.place += found.length;
    return found;
  }

  fail(message, place = this.place) { throw new Wrong(message, place); }
}
