// An application that uses a Node SDK: told on standard input what to do, it says on standard output what came of it.
//
// One JSON line each way, as in python_application.py: `make`, `public`, `call`. It knows nothing of the sidecar or of the
// tests. Its one argument is the package of the SDK. `settle: "event"` waits for the event of the method's name, or for `error`.
// In arguments, {"$new": CLASS, "args": […], "then": [[METHOD, …], …]} is an object of the SDK, and what JSON has no word for
// is {"$float": "nan"}, {"$datetime": ISO}, {"$bytes": TEXT} or {"$int": DIGITS}, which is a BigInt.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { inspect } from "node:util";

const sdk = createRequire(import.meta.url)(process.argv[2]);
const clients = {};
const words = {
  $bytes: (text) => Buffer.from(text),
  $datetime: (text) => new Date(text),
  $float: (text) => Number(text === "nan" ? NaN : text),
  $int: (digits) => BigInt(digits),
};

function revived(value) {
  if (Array.isArray(value)) return value.map(revived);
  if (value === null || typeof value !== "object") return value;
  for (const [word, make] of Object.entries(words)) if (word in value) return make(value[word]);
  if ("$new" in value) {
    const made = new sdk[value.$new](...revived(value.args));
    for (const [method, ...args] of value.then ?? []) made[method](...args);
    return made;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revived(item)]));
}

function publicMethods(name) {
  const { prototype } = sdk[name];
  return Object.getOwnPropertyNames(prototype).filter((key) => key !== "constructor" && typeof prototype[key] === "function");
}

function called(client, method, args, settle) {
  if (settle !== "event") return client[method](...args);
  return new Promise((resolve, reject) => {
    const done = () => end(resolve, null);
    const failed = ({ reason }) => end(reject, reason);
    const end = (settled, value) => {
      client.off(method, done);
      client.off("error", failed);
      settled(value);
    };
    client.on(method, done);
    client.on("error", failed);
    client[method](...args);
  });
}

async function act(order) {
  const args = revived(order.args ?? []);
  if (order.make) {
    clients[order.make] = new sdk[order.make](...args);
    return { returned: null };
  }
  if (order.public) return { returned: publicMethods(order.public) };
  const [client, method] = order.call.split(".");
  try {
    return { returned: (await called(clients[client], method, args, order.settle)) ?? null };
  } catch (error) {
    const { name, message, statusCode = null } = error;
    return { raised: name, text: message, status: statusCode, printed: inspect(error, { depth: 6 }) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await act(JSON.parse(line)))}\n`);
}
process.exit(); // and do not wait for idle connections to close
