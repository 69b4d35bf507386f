// Judges JSON on standard input by the JSON Schema made of Slack's own types.
//     block_kit_shapes.mjs block_kit.schema.json Blocks|Attachments
// Exit 0: it fits. Exit 1: what does not, on standard output. Anything else: no judgement.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [schemaPath, what] = process.argv.slice(2);
// ajv is installed beside the schema.
const Ajv = createRequire(schemaPath)("ajv");
const schema = JSON.parse(readFileSync(schemaPath, "utf8"));
if (!schema.definitions[what]) throw new Error(`the schema has no ${what}`);
const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema(schema, "slack");

const value = JSON.parse(readFileSync(0, "utf8"));
if (!ajv.validate(`slack#/definitions/${what}`, value)) {
  console.log(complaint(ajv.errors));
  process.exitCode = 1;
}

// A block is one of many alternatives, and each of them complains. Those of another `type` say nothing of interest,
// unless no alternative has that type: then the innermost complaint is the nearest.
function complaint(errors) {
  const alternative = (error) => error.schemaPath.match(/definitions\/([^/]+)/)?.[1];
  const isType = (error) => error.keyword === "const" && error.instancePath.endsWith("/type");
  const others = new Set(errors.filter(isType).map((error) => `${parent(error.instancePath)} ${alternative(error)}`));
  const isOther = (error) =>
    [error.instancePath, parent(error.instancePath)].some((place) => others.has(`${place} ${alternative(error)}`));
  const own = errors.filter((error) => error.keyword !== "anyOf" && !isOther(error));
  const lines = (own.length > 0 ? own : innermost(errors.filter(isType))).map(
    (error) => `${error.instancePath || "/"} ${error.message} ${JSON.stringify(error.params)}`,
  );
  return [...new Set(lines)].slice(0, 20).join("\n");
}

function parent(path) {
  return path.slice(0, path.lastIndexOf("/"));
}

function innermost(errors) {
  const depth = (error) => error.instancePath.split("/").length;
  const deepest = Math.max(...errors.map(depth));
  return errors.filter((error) => depth(error) === deepest);
}
