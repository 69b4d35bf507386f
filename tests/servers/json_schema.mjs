// Judges JSON documents by a JSON Schema of draft 2020-12:
//     json_schema.mjs FOLDER_OF_AJV    reads { "schema": …, "documents": { name: value } } from standard input
// Exit 0: all fit. Exit 1: what does not, one line each, on standard output. Anything else: no judgement.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.argv[2]);
const Ajv = require("ajv/dist/2020").default;
const { schema, documents } = JSON.parse(readFileSync(0, "utf8"));
const ajv = new Ajv({ strict: false, allErrors: true, formats: { "date-time": true } });
const validate = ajv.compile(schema);

for (const [name, value] of Object.entries(documents)) {
  if (validate(value)) continue;
  process.exitCode = 1;
  for (const error of validate.errors) {
    console.log(`${name} ${error.instancePath || "/"} ${error.message} ${JSON.stringify(error.params)}`);
  }
}
